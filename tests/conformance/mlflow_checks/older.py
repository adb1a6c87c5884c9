"""What MLflow 2 has not: checks that its client cannot ask (its API lacks the call), and what its own server does
otherwise. Patterns of names, with the reason. A pattern that meets no check is a fault."""
import fnmatch

NOT_ASKED = {
    "logged_models.*": "logged models are of MLflow 3",
    "webhooks.*": "registry webhooks are of MLflow 3",
    "inputs.models_in_and_out": "logged models are of MLflow 3",
    "registry.version_of_a_logged_model": "logged models are of MLflow 3",
    "evaluate.model_of_mlflow_3": "logged models are of MLflow 3",
    "models.what_was_logged": "logged models are of MLflow 3",
    "models.model_of_autolog*": "logged models are of MLflow 3",
}

NOT_SERVED_BY_ITSELF = {
    "protocol.spelled_both_ways": "the last one counts",
    "experiments.tags": "no delete-experiment-tag",
    "experiments.search_filters": "no IS NULL",
    "experiments.search_by_ids": "no ids in filters",
    "metrics.history_in_pages": "a history is one page",
    "metrics.history_of_no_size": "looks for it",
    "metrics.history_bulk_refusals": "fails inside instead of refusing",
    "metrics.interval_samples": "a range of steps has its last point alone",
    "metrics.interval_refusals": "fails inside instead of refusing",
    "validation.of_experiments[[]location of a run[]]": "takes it",
    "validation.of_experiments[[]blank name[]]": "takes it",
    "validation.of_requests[[]number in words[]]": "looks for it",
    "validation.long_tags_of_experiments": "5,000 characters, not 20,000",
    "search.filter[[]*IS NULL[]]": "no IS NULL",
    "search.filter[[]*IS NOT NULL*[]]": "no IS NULL",
    "search.filter[[]*is not null[]]": "no IS NULL",
    "search.filter_refused[[]metrics.loss IS NULL[]]": "other words",
    "search.filter_refused[[]status IN ('FAILED')[]]": "other words",
    "search.pages_of_one": "ends with a page without runs",
    "registry.names": "takes slashes",
    "registry.rename_model": "takes slashes",
    "registry.alias_latest": "refuses to look for it",
    "registry.tags": "5,000 characters",
    "registry.odd_aliases_and_prompts": "prompts of 5,000 characters",
    "registry.sources_of_their_runs": "takes any",
    "registry.search_by_lists": "lists of run_id alone",
    "registry.search_lists_refused": "other words",
}


def reason(patterns, name):
    return next((why for pattern, why in patterns.items() if fnmatch.fnmatchcase(name, pattern)), None)


def unmet(names):
    """Patterns that no check has."""
    return [pattern for pattern in {**NOT_ASKED, **NOT_SERVED_BY_ITSELF}
            if not any(fnmatch.fnmatchcase(name, pattern) for name in names)]
