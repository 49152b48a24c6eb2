"""What the search page is made of: texts by language, fields of a product, minified files."""
