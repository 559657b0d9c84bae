"""Why a request is refused, what rules allow, and what a change of rules changes.

Nothing here serves a request; it is loaded when somebody asks.
"""
