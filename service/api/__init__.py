"""The endpoints: what each resource answers.

The application imports the blueprints of `search_views`, `item_views`, `index_views` and `site`; the rest is
private.
"""
