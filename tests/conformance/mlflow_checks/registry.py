"""The model registry: models, versions, aliases, tags, stages, search."""
from .harness import check, listed, pairs, unique


def model(server, label="model", **fields):
    name = unique(label)
    server.ok("POST", "registered-models/create", {"name": name} | fields)
    return name


def version(server, name, **fields):
    """The number of a new version, as a string."""
    number = server.once(_experiment)
    run = server.run(number)
    body = {"name": name, "source": f"mlflow-artifacts:/{number}/{run}/artifacts/model", "run_id": run} | fields
    return server.ok("POST", "model-versions/create", body)["model_version"]["version"]


def _experiment(server):
    return server.experiment("registry")


def got(server, name):
    return server.ok("GET", "registered-models/get", {"name": name})["registered_model"]


def got_version(server, name, number):
    return server.ok("GET", "model-versions/get", {"name": name, "version": number})["model_version"]


def absent(name):
    return f"Registered Model with name={name} not found"


@check
def create_model(server):
    name = model(server, description="in words", tags=listed(team="flights"))
    made = got(server, name)
    assert made["name"] == name and made["description"] == "in words" and pairs(made["tags"]) == {"team": "flights"}
    assert made["creation_timestamp"] <= made["last_updated_timestamp"] and "latest_versions" not in made, made
    server.refused(400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.…",
                   "POST", "registered-models/create", {"name": name})
    server.missing(absent("nobody"), "GET", "registered-models/get", {"name": "nobody"})


@check
def names(server):
    for name in ("a/b", "a:b"):
        server.invalid(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.…", "POST",
                       "registered-models/create", {"name": name})
    for body in ({}, {"name": ""}, {"name": None}):
        server.invalid("Missing value for required parameter 'name'.…", "POST", "registered-models/create", body)
    for name in (unique("größe 航班 ✈ <b>"), unique("a b.c-d_e@f%g#h")):
        server.client.create_registered_model(name)
        assert server.client.get_registered_model(name).name == name


@check
def update_model(server):
    name = model(server, description="old")
    assert server.client.update_registered_model(name, "new").description == "new"
    assert got(server, name)["description"] == "new"


@check
def rename_model(server):
    name, new, taken = model(server), unique("renamed"), model(server)
    version(server, name)
    server.client.set_registered_model_alias(name, "best", "1")
    server.client.set_registered_model_tag(name, "a", "b")
    got_it = server.ok("POST", "registered-models/rename", {"name": name, "new_name": new})["registered_model"]
    assert got_it["name"] == new, got_it
    server.missing(absent(name), "GET", "registered-models/get", {"name": name})
    assert server.client.get_model_version_by_alias(new, "best").version == "1"
    assert server.client.get_registered_model(new).tags == {"a": "b"}
    server.refused(400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={taken}) already exists.…", "POST",
                   "registered-models/rename", {"name": new, "new_name": taken})
    server.invalid("Invalid model name 'a/b'.…", "POST", "registered-models/rename", {"name": new, "new_name": "a/b"})


@check
def delete_model(server):
    name = model(server)
    version(server, name)
    server.client.set_registered_model_alias(name, "best", "1")
    assert server.ok("DELETE", "registered-models/delete", {"name": name}) == {}
    server.missing(absent(name), "GET", "registered-models/get", {"name": name})
    server.missing(absent(name), "DELETE", "registered-models/delete", {"name": name})
    server.client.create_registered_model(name)
    assert version(server, name) == "1" and not server.client.get_registered_model(name).aliases


@check
def create_version(server):
    name, number = model(server), server.once(_experiment)
    run = server.run(number)
    source = f"mlflow-artifacts:/{number}/{run}/artifacts/model"
    made = server.ok("POST", "model-versions/create", {
        "name": name, "source": source, "run_id": run, "description": "first", "run_link": "http://link",
        "tags": listed(a="b")})["model_version"]
    wanted = {"name": name, "version": "1", "current_stage": "None", "description": "first", "source": source,
              "run_id": run, "status": "READY", "run_link": "http://link"}
    assert made.items() >= wanted.items() and pairs(made["tags"]) == {"a": "b"}, made
    again = got_version(server, name, "1")
    assert again.items() >= wanted.items() and again["creation_timestamp"] == made["creation_timestamp"], again
    assert [version(server, name) for _ in range(3)] == ["2", "3", "4"]
    got_it = server.ok("GET", "model-versions/get-download-uri", {"name": name, "version": "1"})
    assert got_it == {"artifact_uri": source}, got_it


@check
def versions_not_there(server):
    name = model(server)
    gone = f"Model Version (name={name}, version=7) not found"
    server.missing(gone, "GET", "model-versions/get", {"name": name, "version": "7"})
    server.missing(gone, "DELETE", "model-versions/delete", {"name": name, "version": "7"})
    server.missing(gone, "PATCH", "model-versions/update", {"name": name, "version": "7", "description": "x"})
    server.missing(gone, "GET", "model-versions/get-download-uri", {"name": name, "version": "7"})
    server.missing(gone, "POST", "registered-models/alias", {"name": name, "version": "7", "alias": "best"})
    server.invalid("Parameter 'version' must be an integer, got 'seven'.…", "GET", "model-versions/get",
                   {"name": name, "version": "seven"})
    server.missing("Registered Model with name=nobody not found", "POST", "model-versions/create",
                   {"name": "nobody", "source": "s3://bucket/x"})


@check
def sources(server):
    """Nothing outside of the run's own files may be named by a local path."""
    name, run = model(server), server.run()
    for source in ("/etc/passwd", "file:///etc/passwd", "mlflow-artifacts:/../../etc", "file://localhost/etc", "../x",
                   "./x", "mlflow-artifacts:/a/../b", "mlflow-artifacts:/a%2f..%2f..%2fb"):
        server.invalid(None, "POST", "model-versions/create", {"name": name, "source": source, "run_id": run})


@check
def update_version(server):
    name = model(server)
    version(server, name)
    made = server.client.update_model_version(name, "1", "changed")
    assert made.description == "changed" and got_version(server, name, "1")["description"] == "changed"


@check
def delete_version(server):
    name = model(server)
    for _ in range(3):
        version(server, name)
    server.client.set_registered_model_alias(name, "best", "2")
    assert server.ok("DELETE", "model-versions/delete", {"name": name, "version": "2"}) == {}
    server.missing(f"Model Version (name={name}, version=2) not found", "GET", "model-versions/get",
                   {"name": name, "version": "2"})
    assert server.ask("GET", "registered-models/alias", {"name": name, "alias": "best"}).status_code in (400, 404)
    assert [found.version for found in server.client.search_model_versions(f"name = '{name}'")] == ["3", "1"]
    assert version(server, name) == "4"


@check
def aliases(server):
    name = model(server)
    for _ in range(2):
        version(server, name)
    for alias, number in (("champion", "1"), ("Best_of-all", "1"), ("champion", "2")):
        assert server.ok("POST", "registered-models/alias", {"name": name, "alias": alias, "version": number}) == {}
    assert server.client.get_registered_model(name).aliases == {"champion": "2", "Best_of-all": "1"}
    entries = got(server, name)["aliases"]
    assert sorted((entry["alias"], entry["version"]) for entry in entries) == [("Best_of-all", "1"), ("champion", "2")]
    assert got_version(server, name, "2")["aliases"] == ["champion"]
    answer = server.ok("GET", "registered-models/alias", {"name": name, "alias": "champion"})["model_version"]
    assert answer["version"] == "2" and answer["name"] == name, answer
    for _ in range(2):
        assert server.ok("DELETE", "registered-models/alias", {"name": name, "alias": "champion"}) == {}
    server.invalid("Registered model alias champion not found.", "GET", "registered-models/alias",
                   {"name": name, "alias": "champion"})


@check
def alias_latest(server):
    name = model(server)
    server.missing(f"Latest version not found for model {name}.", "GET", "registered-models/alias",
                   {"name": name, "alias": "latest"})
    for number in ("1", "2"):
        version(server, name)
        assert server.client.get_model_version_by_alias(name, "latest").version == number


@check
def alias_names(server):
    name = model(server)
    version(server, name)
    for alias, message in (("latest", "'latest' alias name (case insensitive) is reserved.…"),
                           ("LATEST", "'latest' alias name (case insensitive) is reserved.…"),
                           ("v1", "Version alias name 'v1' is reserved.…"), ("a/b", None), ("a" * 256, None),
                           ("V27", "Version alias name 'V27' is reserved.…"), ("", None),
                           ("a b", "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), "
                            "and dashes (-).…")):
        server.invalid(message, "POST", "registered-models/alias", {"name": name, "alias": alias, "version": "1"})


@check
def tags(server):
    name = model(server)
    number = version(server, name)
    for value in ("one", "two", "", "x" * 100_000):
        server.client.set_registered_model_tag(name, "k", value)
        server.client.set_model_version_tag(name, number, "k", value)
        assert server.client.get_registered_model(name).tags == {"k": value}
        assert server.client.get_model_version(name, number).tags == {"k": value}
    server.invalid(None, "POST", "registered-models/set-tag", {"name": name, "key": "k", "value": "x" * 100_001})
    server.invalid(None, "POST", "model-versions/set-tag",
                   {"name": name, "version": number, "key": "k" * 251, "value": "x"})
    for _ in range(2):
        server.client.delete_registered_model_tag(name, "k")
        server.client.delete_model_version_tag(name, number, "k")
    assert not server.client.get_registered_model(name).tags
    assert not server.client.get_model_version(name, number).tags


@check
def stages(server):
    name = model(server)
    for _ in range(3):
        version(server, name)

    def move(number, stage, archive=False):
        return server.ok("POST", "model-versions/transition-stage", {
            "name": name, "version": number, "stage": stage, "archive_existing_versions": archive})["model_version"]
    assert move("1", "staging")["current_stage"] == "Staging"
    move("2", "Staging")
    assert move("3", "STAGING", True)["current_stage"] == "Staging"
    now = [got_version(server, name, number)["current_stage"] for number in "123"]
    assert now == ["Archived", "Archived", "Staging"], now
    move("2", "Production")
    found = {entry.current_stage: entry.version for entry in server.client.get_latest_versions(name)}
    assert found == {"Archived": "1", "Production": "2", "Staging": "3"}, found
    assert [entry.version for entry in server.client.get_latest_versions(name, ["production"])] == ["2"]
    assert {entry["version"] for entry in got(server, name)["latest_versions"]} == {"1", "2", "3"}
    server.invalid("Invalid Model Version stage: dancing.…", "POST", "model-versions/transition-stage", {
        "name": name, "version": "1", "stage": "dancing", "archive_existing_versions": False})


@check
def latest_versions_by_get(server):
    name = model(server)
    version(server, name), version(server, name)
    got_them = server.ok("GET", "registered-models/get-latest-versions", {"name": name})["model_versions"]
    assert [entry["version"] for entry in got_them] == ["2"], got_them


def several(server):
    """Models with a prefix of their own, of 1, 2, 3 versions."""
    prefix = unique("searched")
    for count, letter in enumerate("abC", 1):
        server.client.create_registered_model(f"{prefix}-{letter}", tags={"letter": letter, "all": "yes"})
        for number in range(count):
            version(server, f"{prefix}-{letter}", tags=listed(place=str(number)), description=f"{letter}{number}")
    return prefix


@check
def odd_aliases_and_prompts(server):
    name = model(server)
    number = version(server, name)
    for alias in ("a b", "✈", "a.b"):
        server.invalid(f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and "
                       "dashes (-).", "POST", "registered-models/alias",
                       {"name": name, "alias": alias, "version": number})
    server.client.set_registered_model_alias(name, "größe_航班-1", number)
    server.invalid("Prompt text exceeds max length of 100000 characters.", "POST", "model-versions/set-tag",
                   {"name": name, "version": number, "key": "mlflow.prompt.text", "value": "x" * 100_001})


@check
def sources_of_their_runs(server):
    name, number = model(server), server.once(_experiment)
    run, other = server.run(number), server.run(number)
    files = f"mlflow-artifacts:/{number}/{run}/artifacts/model"

    def refused(source, parameter, **more):
        server.invalid(f"Invalid model version source: '{source}'. The {parameter} request parameter must identify the "
                       "resource that contains the source.", "POST", "model-versions/create",
                       {"name": name, "source": source} | more)
    refused(files, "run_id")
    refused(files, "run_id", run_id=other)
    refused(files, "run_id", run_id="0" * 32)
    refused(f"runs:/{other}/model", "run_id", run_id=run)
    refused(f"mlflow-artifacts:/{number}/{run}/artifact", "run_id", run_id=run)
    server.ok("POST", "model-versions/create", {"name": name, "source": files, "run_id": run})
    copied = server.ok("POST", "model-versions/create", {"name": name, "source": f"models:/{name}/1"})["model_version"]
    assert (copied["source"], copied["run_id"]) == (f"models:/{name}/1", run), copied
    server.invalid(f"Invalid model version source: 'models:/{name}/1'. The run_id and model_id request parameters must "
                   "match the referenced model version.", "POST", "model-versions/create",
                   {"name": name, "source": f"models:/{name}/1", "run_id": other})


@check
def search_models(server):
    prefix = server.once(several)
    for text, wanted in (("", "Cab"), (f"name = '{prefix}-a'", "a"), ("name LIKE '%-c'", ""),
                         ("name ILIKE '%-c'", "C"),
                         ("tags.letter = 'b'", "b"), ("tag.letter != 'b'", "Ca"), ("tags.all LIKE 'y%'", "Cab"),
                         ("tags.letter ILIKE 'c' AND tags.all = 'yes'", "C"), (f"name != '{prefix}-a'", "Cb")):
        both = f"name LIKE '{prefix}%'" + (f" AND {text}" if text else "")
        found = "".join(entry.name[-1] for entry in server.client.search_registered_models(both))
        assert found == wanted, (text, found)


@check
def search_models_in_order(server):
    prefix = server.once(several)
    text = f"name LIKE '{prefix}%'"
    for order, wanted in ((["name DESC"], "baC"), (["name"], "Cab"),
                          (["last_updated_timestamp DESC"], "Cba"), (["timestamp ASC"], None)):
        found = "".join(entry.name[-1] for entry in server.client.search_registered_models(text, order_by=order))
        assert wanted in (None, found) and sorted(found) == sorted("abC"), (order, found)
    seen, token = "", None
    while not seen or token:
        page = server.client.search_registered_models(text, max_results=1, page_token=token)
        seen, token = seen + page[0].name[-1], page.token
    assert seen == "Cab"
    whole = server.ok("GET", "registered-models/search", {"filter": f"name = '{prefix}-C'"})["registered_models"]
    assert [entry["version"] for entry in whole[0]["latest_versions"]] == ["3"], whole


@check
def search_models_refusals(server):
    for body in ({"max_results": "1001"}, {"filter": "nothing.a = 'b'"}, {"filter": "flavour = 'b'"},
                 {"filter": "name > 'a'"},
                 {"order_by": "flavour"}, {"order_by": "name SIDEWAYS"}, {"filter": "name = 'a' OR name = 'b'"}):
        server.invalid(None, "GET", "registered-models/search", body)


@check
def search_versions(server):
    prefix = server.once(several)
    run = server.client.get_model_version(f"{prefix}-C", "2").run_id
    for text, wanted in ((f"name = '{prefix}-C'", "C3 C2 C1"),
                         (f"name LIKE '{prefix}%' AND version_number > 1", "C3 C2 b2"),
                         (f"run_id = '{run}'", "C2"), (f"run_id IN ('{run}', 'x')", "C2"),
                         (f"name ILIKE '{prefix}-c' AND tags.place = '0'", "C1"),
                         (f"name = '{prefix}-C' AND version_number <= 2 AND version_number != 1", "C2"),
                         (f"name = '{prefix}-C' AND source_path LIKE '%/{run}/%'", "C2"),
                         (f"name LIKE '{prefix}%' AND tag.place != '0'", "C3 C2 b2")):
        found = server.client.search_model_versions(text)
        names = " ".join(f"{entry.name[-1]}{entry.version}" for entry in found)
        assert sorted(names.split()) == sorted(wanted.split()), (text, names)


@check
def search_by_lists(server):
    prefix = server.once(several)
    names = f"('{prefix}-a', '{prefix}-C')"
    found = {entry.name[-1] for entry in server.client.search_registered_models(f"name IN {names}")}
    assert found == {"a", "C"}, found
    found = {entry.name[-1] for entry in server.client.search_registered_models(
        f"name LIKE '{prefix}%' AND name NOT IN {names}")}
    assert found == {"b"}, found
    run = server.client.get_model_version(f"{prefix}-C", "2").run_id
    found = {f"{entry.name[-1]}{entry.version}" for entry in server.client.search_model_versions(
        f"name IN {names} AND run_id NOT IN ('{run}', 'x')")}
    assert found == {"a1", "C1", "C3"}, found


@check
def search_lists_refused(server):
    for of, text, words in (
            ("registered-models", "tags.a IS NULL",
             "IS NULL / IS NOT NULL is not supported for registered model search."),
            ("model-versions", "run_id IS NULL", "IS NULL / IS NOT NULL is not supported for model version search."),
            ("model-versions", "source_path IN ('a')", "Only ['name', 'run_id'] attributes support comparison with a "
             "list of quoted string values."),
            ("model-versions", "version_number = 'x'", "Invalid value for numeric attribute 'version_number': 'x'"),
            ("model-versions", "version_number < 2.5", "Invalid value for numeric attribute 'version_number': 2.5")):
        server.invalid(words, "GET", f"{of}/search", {"filter": text})


@check
def search_versions_in_order(server):
    prefix = server.once(several)
    text = f"name LIKE '{prefix}%'"
    for order, wanted in ((["name ASC", "version_number ASC"], "C1 C2 C3 a1 b1 b2"),
                          (["version_number DESC", "name ASC"], "C3 C2 b2 C1 a1 b1"),
                          (["creation_timestamp ASC"], "a1 b1 b2 C1 C2 C3"), ([], "C3 C2 C1 b2 b1 a1")):
        found = server.client.search_model_versions(text, order_by=order)
        assert " ".join(f"{entry.name[-1]}{entry.version}" for entry in found) == wanted, (order, found)
    seen, token = [], None
    while not seen or token:
        page = server.client.search_model_versions(text, max_results=4, order_by=["version_number DESC", "name"],
                                                   page_token=token)
        seen, token = seen + [f"{entry.name[-1]}{entry.version}" for entry in page], page.token
    assert " ".join(seen) == "C3 C2 b2 C1 a1 b1", seen


@check
def search_versions_refusals(server):
    for body in ({"max_results": "200001"}, {"filter": "nothing.a = 'b'"}, {"filter": "flavour = 'b'"},
                 {"order_by": "flavour"}):
        server.invalid(None, "GET", "model-versions/search", body)


@check
def prompts_apart(server):
    """A model tagged as a prompt is found only by who asks for prompts."""
    prefix = model(server, "prompt", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    assert server.client.search_registered_models(f"name LIKE '{prefix}%'") == []
    found = server.client.search_registered_models(f"name LIKE '{prefix}%' AND tags.`mlflow.prompt.is_prompt` = 'true'")
    assert [entry.name for entry in found] == [prefix]


@check
def version_of_a_logged_model(server):
    number, name = server.experiment(), model(server)
    run = server.run(number)
    logged = server.client.create_logged_model(number, name="forest", source_run_id=run, params={"depth": "3"})
    made = server.ok("POST", "model-versions/create", {"name": name, "source": f"models:/{logged.model_id}",
                                                       "run_id": run, "model_id": logged.model_id})["model_version"]
    assert made["source"] == f"models:/{logged.model_id}" and made["run_id"] == run, made
    uri = server.ok("GET", "model-versions/get-download-uri", {"name": name, "version": "1"})["artifact_uri"]
    assert uri == logged.artifact_location, uri
