"""What `derive.py` and `_functions` add to Tensor at import; `generated.pyi` says it to type checkers."""


class Generated:
    """The methods and attributes that Tensor gets at import, which it has itself: this class is empty."""
