"""Pictures of a run, drawn from its folder alone: plots, the film of its weights, the report page."""
