import PluginAPI

/// What takes back a deed when the command cannot; `skiff/host/undo.h`.
public enum UndoDeed: Sendable {
    case removeFile(String)
    /// A network interface of the host.
    case deleteLink(String)
    /// An absolute program, its arguments with the name first, and its standard input.
    case run(String, [String], input: [UInt8])
}

extension Session {
    /// Writes down how a deed is taken back; called before the deed.
    /// - Returns: the handle for `drop`.
    @discardableResult public func push(_ deed: UndoDeed, reason: String) throws(PluginError) -> UInt64 {
        let slot = try table(SKIFF_HOST_UNDO, skiff_host_undo.self).push
        var record = skiff_undo()
        record.struct_size = UInt32(MemoryLayout<skiff_undo>.size)
        let (kind, object, arguments, input): (Int32, String, [String], [UInt8]) =
            switch deed {
            case .removeFile(let path): (SKIFF_UNDO_REMOVE_FILE, path, [], [])
            case .deleteLink(let name): (SKIFF_UNDO_DELETE_LINK, name, [], [])
            case .run(let path, let arguments, let input): (SKIFF_UNDO_RUN, path, arguments, input)
            }
        record.kind = UInt32(kind)
        record.input_size = UInt64(input.count)
        var handle: UInt64 = 0
        let status = withTexts(object, reason, "") { object, reason, _ in
            withCStrings(arguments) { list in
                input.withUnsafeBytes { bytes in
                    (record.object, record.reason, record.input) = (object, reason, bytes.baseAddress)
                    record.arguments = arguments.isEmpty ? nil : list
                    return slot?(pointer, &record, &handle)
                }
            }
        }
        try check(status)
        return handle
    }

    /// The plugin has taken the deed back itself.
    public func drop(_ handle: UInt64) throws(PluginError) {
        let status = try table(SKIFF_HOST_UNDO, skiff_host_undo.self).drop?(pointer, handle)
        if status != SKIFF_DECLINED { try check(status) }
    }

    /// Runs a program of the host to its end.
    /// - Returns: its status as a shell counts it.
    public func run(
        _ path: String, _ arguments: [String], environment: [String]? = nil, descriptors: [Int32: Int32] = [:],
        milliseconds: Int32 = 0
    ) throws(PluginError) -> Int32 {
        let slot = try table(SKIFF_HOST_RUN, skiff_host_run.self).run
        var command = skiff_command()
        command.struct_size = UInt32(MemoryLayout<skiff_command>.size)
        command.timeout_milliseconds = milliseconds
        let list = descriptors.map { skiff_run_fd(inside: $0.key, fd: $0.value) }
        command.fd_count = UInt32(list.count)
        command.fd_size = UInt64(MemoryLayout<skiff_run_fd>.stride)
        var ended: Int32 = 0
        let status = path.withTerminatedBytes { path in
            withCStrings(arguments) { arguments in
                withCStrings(environment ?? []) { variables in
                    list.withUnsafeBufferPointer { list in
                        (command.path, command.arguments) = (path, arguments)
                        command.environment = environment == nil ? nil : variables
                        command.fds = list.baseAddress
                        return slot?(pointer, &command, &ended)
                    }
                }
            }
        }
        try check(status)
        return ended
    }
}

/// Passes texts as an array of C strings that ends with NULL.
private func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    let bytes = texts.map { $0.bytes.map { CChar(bitPattern: $0) } + [0] }
    return bytes.flatMap { $0 }.withUnsafeBufferPointer { block in
        var offset = 0
        var pointers: [UnsafePointer<CChar>?] = bytes.map { part in
            defer { offset += part.count }
            return block.baseAddress?.advanced(by: offset)
        }
        pointers.append(nil)
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
