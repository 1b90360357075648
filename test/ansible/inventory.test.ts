import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mustRun, runCommand } from '../support/run-command.ts';
import { ROOT } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SCRIPT = join(ROOT, 'ansible/inventory/terraform.py');

const OUTPUT = {
  groups: {
    job_manager: [host('sluice-job-manager-1', '10.60.0.10', '54.1.2.3')],
    task_manager_cpu: [host('sluice-task-manager-cpu-1', '10.60.128.11', null)],
    task_manager_gpu: [host('sluice-task-manager-gpu-1', '10.60.128.21', null)],
    metrics: [host('sluice-metrics-1', '10.60.0.30', '54.1.2.5')],
  },
  vars: {
    deployment: 'sluice',
    region: 'us-east-1',
    ssh_user: 'admin',
    ssh_jump_host: '54.1.2.3',
    storage_uri: 's3://sluice-123456789012-us-east-1-storage/sluice',
    encryption: 'AES256',
    kms_key_id: null,
    autoscaling_groups: {},
  },
};

function host(name: string, privateIp: string, publicIp: string | null) {
  return {
    ...{ name, id: 'i-0aaa', private_ip: privateIp, public_ip: publicIp },
    private_dns: `ip-${privateIp.replaceAll('.', '-')}.ec2.internal`,
  };
}

test('when Terraform has made machines, then its output is an inventory', async (context) => {
  const saved = join(temporaryFolder(context), 'inventory.json');
  writeFileSync(saved, JSON.stringify(OUTPUT));
  const env = { SLUICE_TERRAFORM_INVENTORY: saved, SLUICE_SSH_KEY: '/keys/sluice' };
  const listed = JSON.parse(await mustRun('ansible-inventory', ['-i', SCRIPT, '--list'], { env }));
  assert.deepEqual(listed.task_manager.children.toSorted(), [
    'task_manager_cpu',
    'task_manager_gpu',
  ]);
  const variables = listed._meta.hostvars;
  const [manager, worker] = [
    variables['sluice-job-manager-1'],
    variables['sluice-task-manager-cpu-1'],
  ];
  assert.equal(manager.ansible_host, '54.1.2.3');
  assert.equal(manager.private_ip, '10.60.0.10');
  assert.equal(manager.ansible_ssh_common_args, undefined);
  assert.equal(worker.ansible_host, '10.60.128.11');
  assert.match(
    worker.ansible_ssh_common_args,
    /ssh -W %h:%p -i \/keys\/sluice .*admin@54\.1\.2\.3/,
  );
  assert.equal(worker.ansible_ssh_private_key_file, '/keys/sluice');
  assert.equal(worker.storage_uri, OUTPUT.vars.storage_uri);
  assert.equal(worker.ansible_user, 'admin');
  assert.ok(!('kms_key_id' in worker));
});

test('when an SSH configuration is named, then hosts and the jump host are reached with it', async (context) => {
  const saved = join(temporaryFolder(context), 'inventory.json');
  writeFileSync(saved, JSON.stringify(OUTPUT));
  const env = { SLUICE_TERRAFORM_INVENTORY: saved, SLUICE_SSH_CONFIG: '/keys/config' };
  const { _meta } = JSON.parse(await mustRun('python3', [SCRIPT, '--list'], { env }));
  const argumentsOf = (name: string) => _meta.hostvars[name].ansible_ssh_common_args;
  assert.equal(argumentsOf('sluice-job-manager-1'), '-F /keys/config');
  assert.equal(
    argumentsOf('sluice-task-manager-cpu-1'),
    '-F /keys/config -o ProxyCommand="ssh -W %h:%p -F /keys/config admin@54.1.2.3"',
  );
});

test('when Terraform has not run, then the inventory says what to do', async () => {
  const env = { SLUICE_TERRAFORM_DIRECTORY: '/nowhere' };
  const { code, output } = await runCommand('python3', [SCRIPT, '--list'], { env });
  assert.notEqual(code, 0);
  assert.match(output, /terraform apply/);
});
