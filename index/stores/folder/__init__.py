"""The embedded store: versions are folders of files, opened by every process that searches them."""
