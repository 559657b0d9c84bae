"""Why a request is refused, and what to change; ``explain`` puts the parts together."""
