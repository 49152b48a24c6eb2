"""Where the published index lives: a folder of files, or Milvus; one interface for both."""
