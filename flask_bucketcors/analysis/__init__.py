"""Why a request is refused, what rules allow, and what a change of rules changes.

This package is private: it may change without notice. Nothing here serves a request, so it is
loaded only when somebody calls ``explain``, ``lint`` or ``diff``.
"""
