import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mustRun } from '../support/run-command.ts';
import { ROOT } from '../support/sluice-process.ts';

test('when ansible-lint reads roles and playbooks, then they are fit for production', async () => {
  const env = { ANSIBLE_CONFIG: join(ROOT, 'ansible/ansible.cfg'), LANG: 'C.UTF-8' };
  await mustRun('ansible-lint', ['--offline', '--profile', 'production', 'ansible'], {
    cwd: ROOT,
    env,
  });
});

test('when Ansible parses each playbook, then with the example inventory too', async () => {
  const folder = join(ROOT, 'ansible');
  const playbooks = readdirSync(folder).filter((file) => file.endsWith('.yml'));
  const args = ['--syntax-check', '-i', 'inventory/example.yml'];
  for (const playbook of playbooks) {
    await mustRun('ansible-playbook', [...args, playbook], { cwd: folder });
  }
});
