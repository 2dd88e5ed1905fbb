"""Exchange with JAX and its libraries."""
