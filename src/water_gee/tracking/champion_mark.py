"""The champion is seen where runs and models are listed, and not in the registry alone."""

import json

from mlflow import MlflowClient

from water_gee.tracking.logged_model import model_of

MARK = "champion"  # tag of its run and of its logged model: which version it is
_VERSIONS = "mlflow.modelVersions"  # tag of a logged model: MLflow's lists link the versions of the registry by it


def mark_champion(client: MlflowClient, experiment: str, name: str, version: str) -> None:
    """Mark run and logged model of a version of the registered model `name` as its champion, and no others."""
    run_id = client.get_model_version(name, version).run_id
    model_id = model_of(client.get_run(run_id))
    for run in client.search_runs([experiment], f"tags.{MARK} LIKE '%'"):
        if run.info.run_id != run_id:
            client.delete_tag(run.info.run_id, MARK)
    client.set_tag(run_id, MARK, f"version {version}")
    for model in client.search_logged_models([experiment]):
        if MARK in model.tags and model.model_id != model_id:
            client.delete_logged_model_tag(model.model_id, MARK)
    if model_id:
        known = json.loads(client.get_logged_model(model_id).tags.get(_VERSIONS, "[]"))
        here = {"name": name, "version": version}
        versions = [*(one for one in known if one != here), here]
        client.set_logged_model_tags(model_id, {MARK: f"version {version}", _VERSIONS: json.dumps(versions)})
