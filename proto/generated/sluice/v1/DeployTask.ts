// Original file: proto/sluice/v1/job_manager.proto


export interface DeployTask {
  'attemptId'?: (string);
  /**
   * A TaskDeployment of shared/job-graph as JSON.
   */
  'deploymentJson'?: (Buffer | Uint8Array | string);
}

export interface DeployTask__Output {
  'attemptId': (string);
  /**
   * A TaskDeployment of shared/job-graph as JSON.
   */
  'deploymentJson': (Buffer);
}
