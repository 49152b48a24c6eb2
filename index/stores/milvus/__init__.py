"""The index in Milvus; imported only where a store's address names one (see `index.stores.address`)."""
