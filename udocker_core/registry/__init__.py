"""The registry client (OCI distribution-spec): manifests and blobs, verified.

Only commands that talk to a registry import it, for it imports requests.
"""
