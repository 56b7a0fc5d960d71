/// Stations of a container's life at which plugins are called, in order; `skiff/phases.h`.
package enum PluginPhase: String, Sendable, CaseIterable {
    case configure, prepare, mounts, environment, entered
    case preExec = "pre_exec"
    case started, stopped
}
