import PluginAPI

extension Session {
    /// Starts a program that lives as long as the container, or serves a layer; `skiff/host/run.h`.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - descriptors: its standard streams are /dev/null unless they are named here; lent.
    ///   - ready: the number under which it says that it is ready; 0: it is not waited for.
    /// - Returns: its process id.
    @discardableResult public func start(
        _ path: String, _ arguments: [String], environment: [String] = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        descriptors: [(inside: Int32, fd: Int32)] = [], ready: Int32 = 0
    ) throws(PluginError) -> Int32 {
        let slot = try table(SKIFF_HOST_RUN, skiff_host_run.self).start
        var pid: Int32 = 0
        let answer = withCommand(path, arguments, environment, descriptors) { command in
            command.ready_fd = ready
            return slot?(pointer, &command, &pid)
        }
        try check(answer)
        return pid
    }
}
