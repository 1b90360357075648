#!/usr/bin/env python3
"""Inventory from Terraform's output `inventory`.

Reads the file that SLUICE_TERRAFORM_INVENTORY names (made by `terraform output -json inventory`), or asks
Terraform in the folder SLUICE_TERRAFORM_DIRECTORY (default: ../../terraform). Hosts without a public
address are reached through the jump host. SLUICE_SSH_KEY names the private key for both, SLUICE_SSH_CONFIG
an ssh_config(5) in place of your own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

GROUPS = ("job_manager", "task_manager_cpu", "task_manager_gpu", "metrics")


def terraform_output():
    saved = os.environ.get("SLUICE_TERRAFORM_INVENTORY")
    if saved:
        return json.loads(Path(saved).read_text(encoding="utf-8"))
    here = Path(__file__).resolve().parent
    folder = os.environ.get("SLUICE_TERRAFORM_DIRECTORY", str(here / ".." / ".." / "terraform"))
    command = ["terraform", f"-chdir={folder}", "output", "-json", "inventory"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        sys.exit(f"terraform.py: `{' '.join(command)}` failed: {asked.stderr.strip()}\n"
                 "Run `terraform apply` first, or name a saved output in SLUICE_TERRAFORM_INVENTORY.")
    return json.loads(asked.stdout)


def host_variables(host, shared):
    """What Ansible needs to reach a host; the rest of what Terraform says of it goes along."""
    variables = {name: value for name, value in host.items() if name != "name" and value is not None}
    jump = shared.get("ssh_jump_host")
    variables["ansible_host"] = host.get("public_ip") or host["private_ip"]
    config = os.environ.get("SLUICE_SSH_CONFIG")
    arguments = [f"-F {config}"] if config else []
    if not host.get("public_ip") and jump:
        # Not ProxyJump: the jump takes the same key and configuration.
        key = os.environ.get("SLUICE_SSH_KEY")
        identity = " ".join(arguments + ([f"-i {key}"] if key else []) + [f'{shared.get("ssh_user", "admin")}@{jump}'])
        arguments.append(f'-o ProxyCommand="ssh -W %h:%p {identity}"')
    if arguments:
        variables["ansible_ssh_common_args"] = " ".join(arguments)
    return variables


def inventory(output):
    shared = output.get("vars", {})
    hostvars = {}
    result = {"_meta": {"hostvars": hostvars}}
    for group in GROUPS:
        hosts = output.get("groups", {}).get(group, [])
        result[group] = {"hosts": [host["name"] for host in hosts]}
        for host in hosts:
            hostvars[host["name"]] = host_variables(host, shared)
    result["task_manager"] = {"children": ["task_manager_cpu", "task_manager_gpu"]}
    variables = {name: value for name, value in shared.items() if value is not None}
    variables["ansible_user"] = shared.get("ssh_user", "admin")
    if os.environ.get("SLUICE_SSH_KEY"):
        variables["ansible_ssh_private_key_file"] = os.environ["SLUICE_SSH_KEY"]
    result["all"] = {"vars": variables}
    return result


def main():
    if sys.argv[1:2] == ["--host"]:
        print(json.dumps({}))  # all in _meta
        return
    print(json.dumps(inventory(terraform_output()), indent=2))


if __name__ == "__main__":
    main()
