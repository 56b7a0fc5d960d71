import PluginAPI

extension Session {
    /// Returns the absolute path of a program of the host, along `binary path` of skiff.conf.
    public func findProgram(_ name: String) throws(PluginError) -> String? {
        let slot = try table(SKIFF_HOST_RUN, skiff_host_run.self).find_program
        return try values { slot?(pointer, name, $0, $1) }.first
    }

    /// Runs a program to its end, without a shell.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - descriptors: its standard streams are /dev/null unless they are named here; lent.
    ///   - fileSizeLimit: no byte of a file is written beyond it; 0 for no limit.
    /// - Returns: its status as a shell counts it.
    public func run(
        _ path: String, _ arguments: [String], environment: [String] = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        descriptors: [(inside: Int32, fd: Int32)] = [], fileSizeLimit: Int64 = 0
    ) throws(PluginError) -> Int32 {
        let slot = try table(SKIFF_HOST_RUN, skiff_host_run.self).run
        var status: Int32 = 0
        let answer = withCommand(path, arguments, environment, descriptors) { command in
            command.file_size_limit = UInt64(clamping: fileSizeLimit)
            return slot?(pointer, &command, &status)
        }
        try check(answer)
        return status
    }

    /// Writes down that a file, or a directory that is empty by then, has to be removed; the command does so when it ends,
    /// or the next one when it was killed. Called before it is made.
    public func removeLater(_ path: String, isDirectory: Bool) throws(PluginError) {
        let slot = try table(SKIFF_HOST_UNDO, skiff_host_undo.self).push
        let answer = path.withTerminatedBytes { path in
            var record = skiff_undo()
            record.struct_size = UInt32(MemoryLayout<skiff_undo>.size)
            record.kind = UInt32(isDirectory ? SKIFF_UNDO_REMOVE_DIRECTORY : SKIFF_UNDO_REMOVE_FILE)
            record.object = path
            var handle: UInt64 = 0
            return slot?(pointer, &record, &handle)
        }
        try check(answer)
    }
}

/// Passes a program and what it gets in the form of the interface, for one call.
/// - Parameter arguments: without the program's name.
func withCommand<Result>(
    _ path: String, _ arguments: [String], _ environment: [String], _ descriptors: [(inside: Int32, fd: Int32)],
    _ body: (inout skiff_command) -> Result
) -> Result {
    let fds = descriptors.map { skiff_run_fd(inside: $0.inside, fd: $0.fd) }
    return path.withTerminatedBytes { path in
        withTextList([String(bytes: path)] + arguments) { arguments in
            withTextList(environment) { environment in
                fds.withUnsafeBufferPointer { fds in
                    var command = skiff_command()
                    command.struct_size = UInt32(MemoryLayout<skiff_command>.size)
                    (command.path, command.arguments, command.environment) = (path, arguments, environment)
                    (command.fds, command.fd_count) = (fds.baseAddress, UInt32(fds.count))
                    command.fd_size = UInt64(MemoryLayout<skiff_run_fd>.stride)
                    return body(&command)
                }
            }
        }
    }
}

/// Passes texts as an array of C strings that ends with NULL.
func withTextList<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    var block: [CChar] = []
    for text in texts { block += text.bytes.map { CChar(bitPattern: $0) } + [0] }
    return block.withUnsafeBufferPointer { all in
        var offset = 0
        var pointers: [UnsafePointer<CChar>?] = texts.map { text in
            defer { offset += text.bytes.count + 1 }
            return all.baseAddress?.advanced(by: offset)
        }
        pointers.append(nil)
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
