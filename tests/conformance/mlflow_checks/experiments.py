"""Experiments: made, found, searched, renamed, deleted, tagged."""
from mlflow.entities import ViewType

from .harness import check, listed, now_ms, pairs, unique


@check
def create_and_get(server):
    name = unique("made")
    made = server.ok("POST", "experiments/create", {"name": name, "tags": listed(team="flights", empty="")})
    number = made["experiment_id"]
    assert list(made) == ["experiment_id"] and number.isdecimal(), made
    got = server.ok("GET", "experiments/get", {"experiment_id": number})["experiment"]
    assert got["name"] == name and got["experiment_id"] == number and got["lifecycle_stage"] == "active", got
    assert got["artifact_location"] == f"mlflow-artifacts:/{number}", got
    assert pairs(got["tags"]) == {"team": "flights", "empty": ""}, got
    assert abs(got["creation_time"] - now_ms()) < 600_000 and got["last_update_time"] >= got["creation_time"], got
    assert server.ok("GET", "experiments/get-by-name", {"experiment_name": name})["experiment"] == got


@check
def default_is_there(server):
    assert server.client.get_experiment("0").name == "Default"
    assert server.client.get_experiment_by_name("Default").experiment_id == "0"


@check
def own_artifact_location(server):
    number = server.client.create_experiment(unique("placed"), artifact_location="mlflow-artifacts:/some/where")
    assert server.client.get_experiment(number).artifact_location == "mlflow-artifacts:/some/where"
    run = server.client.create_run(number)
    assert run.info.artifact_uri == f"mlflow-artifacts:/some/where/{run.info.run_id}/artifacts"


@check
def names_are_unique(server):
    name = unique("twice")
    number = server.client.create_experiment(name)
    taken = f"Experiment(name={name}) already exists.…"
    server.refused(400, "RESOURCE_ALREADY_EXISTS", taken, "POST", "experiments/create", {"name": name})
    server.client.delete_experiment(number)
    server.refused(400, "RESOURCE_ALREADY_EXISTS", taken, "POST", "experiments/create", {"name": name})


@check
def names_in_any_script(server):
    for name in (unique("Flüge 航班 ✈"), unique("a/b c'd\"e%_"), unique("x" * 480)):
        number = server.client.create_experiment(name)
        assert server.client.get_experiment(number).name == name
        assert server.client.get_experiment_by_name(name).experiment_id == number


@check
def not_there(server):
    server.missing("No Experiment with id=987654321 exists", "GET", "experiments/get", {"experiment_id": "987654321"})
    server.missing("Could not find experiment with name 'nobody'", "GET", "experiments/get-by-name",
                   {"experiment_name": "nobody"})
    for verb in ("delete", "restore"):
        server.missing("No Experiment with id=987654321 exists", "POST", f"experiments/{verb}",
                       {"experiment_id": "987654321"})
    assert server.client.get_experiment_by_name(unique("nobody")) is None


@check
def delete_and_restore(server):
    name = unique("deleted")
    number = server.client.create_experiment(name)
    run = server.run(number)
    assert server.ok("POST", "experiments/delete", {"experiment_id": number}) == {}
    got = server.client.get_experiment_by_name(name)
    assert got.lifecycle_stage == "deleted" and got.experiment_id == number
    assert server.client.get_run(run).info.lifecycle_stage == "deleted"
    server.invalid(f"The experiment {number} must be in the 'active' state. Current state is deleted.",
                   "POST", "runs/create", {"experiment_id": number})
    assert server.ok("POST", "experiments/restore", {"experiment_id": number}) == {}
    assert server.client.get_experiment(number).lifecycle_stage == "active"
    assert server.client.get_run(run).info.lifecycle_stage == "active"


@check
def rename(server):
    number, name, other = server.experiment(), unique("new"), unique("other")
    before = server.client.get_experiment(number)
    server.client.rename_experiment(number, name)
    after = server.client.get_experiment(number)
    assert after.name == name and after.last_update_time >= before.last_update_time
    server.client.create_experiment(other)
    assert server.client.get_experiment_by_name(before.name) is None
    for rest in ({}, {"new_name": ""}):
        server.invalid("Missing value for required parameter 'new_name'.…", "POST", "experiments/update",
                       {"experiment_id": number, **rest})
    server.client.delete_experiment(number)
    answer = server.ask("POST", "experiments/update", {"experiment_id": number, "new_name": unique("late")})
    assert answer.status_code >= 400, answer.text


@check
def tags(server):
    number = server.experiment()
    for value in ("one", "two", "", "ü" * 5000):
        server.client.set_experiment_tag(number, "note", value)
        assert server.client.get_experiment(number).tags["note"] == value
    server.client.set_experiment_tag(number, "k" * 250, "v")
    server.ok("POST", "experiments/delete-experiment-tag", {"experiment_id": number, "key": "note"})
    assert set(server.client.get_experiment(number).tags) == {"k" * 250}
    server.missing(f"No tag with name: note in experiment with id {number}", "POST",
                   "experiments/delete-experiment-tag", {"experiment_id": number, "key": "note"})


@check
def tags_of_a_deleted_one(server):
    number = server.experiment()
    server.client.delete_experiment(number)
    server.invalid(f"The experiment {number} must be in the 'active' state. Current state is deleted.", "POST",
                   "experiments/set-experiment-tag", {"experiment_id": number, "key": "a", "value": "b"})


def several(server):
    """Six experiments with a prefix of their own; the last one deleted."""
    prefix = unique("several")
    numbers = [server.client.create_experiment(f"{prefix}-{letter}", tags={"letter": letter, "half": half})
               for letter, half in zip("abcdef", ("first", "first", "first", "second", "second", "second"))]
    server.client.set_experiment_tag(numbers[0], "only", "here")
    server.client.delete_experiment(numbers[5])
    return prefix, numbers


def found(server, filter_string, view=ViewType.ACTIVE_ONLY, order=("name ASC",)):
    prefix, _ = server.once(several)
    both = f"name LIKE '{prefix}%'" + (f" AND {filter_string}" if filter_string else "")
    return "".join(experiment.name[-1] for experiment in server.client.search_experiments(
        filter_string=both, view_type=view, order_by=list(order)))


@check
def search_views(server):
    assert found(server, "") == "abcde"
    assert found(server, "", ViewType.DELETED_ONLY) == "f"
    assert found(server, "", ViewType.ALL) == "abcdef"


@check
def search_filters(server):
    prefix, numbers = server.once(several)
    born = server.client.get_experiment(numbers[0]).creation_time
    for text, wanted in ((f"name = '{prefix}-c'", "c"), (f"attribute.name != '{prefix}-c'", "abde"),
                         ("name LIKE '%-B'", ""), ("name ILIKE '%-B'", "b"), ("tag.letter = 'd'", "d"),
                         ("tags.half = 'first' AND tags.letter != 'a'", "bc"), ("tags.half LIKE 'sec%'", "de"),
                         ("tags.`half` ILIKE 'SEC%'", "de"), ("tags.only IS NOT NULL", "a"),
                         ("tags.only IS NULL", "bcde"), (f"creation_time >= {born}", "abcde"),
                         (f"creation_time < {born}", ""), (f"last_update_time > {born - 1}", "abcde")):
        assert found(server, text) == wanted, (text, found(server, text))


@check
def search_by_ids(server):
    _, numbers = server.once(several)
    first, last = numbers[0], numbers[4]
    for text, wanted in ((f"experiment_id = '{first}'", "a"),
                         (f"attributes.experiment_id IN ('{first}', '{last}')", "ae"),
                         (f"experiment_id NOT IN ('{first}', '{last}')", "bcd"), ("attributes.name LIKE '%-c'", "c"),
                         (f"experiment_id != '{first}' AND tags.half = 'first'", "bc")):
        assert found(server, text) == wanted, (text, found(server, text))
    for text, words in (("experiment_id LIKE '1%'", "Invalid comparator for experiment_id: LIKE"),
                        ("experiment_id = 'x'", "Invalid experiment ID 'x'. Experiment ID must be a valid integer."),
                        ("name IN ('a')", "Only ['experiment_id'] attributes support comparison with a list of quoted "
                         "string values."), ("creation_time > 1.5", "Invalid value for numeric attribute …")):
        server.invalid(words, "POST", "experiments/search", {"max_results": 5, "filter": text})


@check
def search_orders(server):
    for order, wanted in ((("name DESC",), "edcba"), (("name",), "abcde"), (("creation_time ASC",), "abcde"),
                          ((), "edcba"), (("experiment_id",), "abcde"), (("experiment_id DESC",), "edcba"),
                          (("last_update_time DESC", "name ASC"), "abcde")):
        got = found(server, "", order=order)
        assert sorted(got) == sorted(wanted), got
        if order != ("last_update_time DESC", "name ASC"):
            assert got == wanted, (order, got)


@check
def search_pages(server):
    prefix, _ = server.once(several)
    body = {"filter": f"name LIKE '{prefix}%'", "order_by": ["name"], "max_results": 2}
    seen, token = "", None
    for _ in range(3):
        page = server.ok("POST", "experiments/search", body | ({"page_token": token} if token else {}))
        seen += "".join(experiment["name"][-1] for experiment in page["experiments"])
        token = page.get("next_page_token")
    assert seen == "abcde" and token is None, (seen, token)


@check
def search_by_get(server):
    prefix, _ = server.once(several)
    page = server.ok("GET", "experiments/search", {"filter": f"name LIKE '{prefix}%'", "order_by": ["name DESC"],
                                                   "max_results": "3", "view_type": "ALL"})
    assert [experiment["name"][-1] for experiment in page["experiments"]] == list("fed"), page


@check
def search_refusals(server):
    search = ("POST", "experiments/search")
    for size, words in ((0, "Invalid value 0 for parameter 'max_results' supplied.…"),
                        (-1, "Invalid value -1 for parameter 'max_results' supplied.…"),
                        (50001, "Invalid value 50001 for parameter 'max_results' supplied.…")):
        server.invalid(words, *search, {"max_results": size})
    for text, words in (("nothing.a = 'b'", "Invalid entity type 'nothing'.…"),
                        ("flavour = 'b'", "Invalid attribute key 'flavour' specified.…"),
                        ("name = 'a' OR name = 'b'", "Invalid clause(s) in filter string: OR…"),
                        ("name > 'a'", None), ("name = 1", None), ("name", None), ("creation_time = 'x'", None)):
        server.invalid(words, *search, {"max_results": 5, "filter": text})
    server.invalid(None, *search, {"max_results": 5, "order_by": ["flavour"]})
    server.invalid("Invalid page token, …", *search, {"max_results": 5, "page_token": "?"})
