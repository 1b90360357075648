// Original file: proto/sluice/v1/task_manager.proto


/**
 * It wants to leave: nothing new comes here, and what runs here is moved elsewhere.
 */
export interface DrainTaskManager {
}

/**
 * It wants to leave: nothing new comes here, and what runs here is moved elsewhere.
 */
export interface DrainTaskManager__Output {
}
