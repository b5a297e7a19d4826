"""Images: blobs by digest, and tags that name them."""
