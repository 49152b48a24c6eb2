"""Photographs by address: which hosts may be asked, downloads, object stores, and the cache of what came."""
