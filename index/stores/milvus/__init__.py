"""The index in Milvus, imported only where the address of a store names one (`index.stores.address`).

From outside import `store` and `milvus_address`; all else is private.
"""
