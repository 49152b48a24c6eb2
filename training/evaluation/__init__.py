"""The examination: how well an encoder searches by shape, as one table a part."""
