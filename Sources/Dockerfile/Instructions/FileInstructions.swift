import Linux

/// COPY, ADD and RUN.
extension InstructionParser {
    func files() throws(DockerfileProblem) -> CopyFiles {
        let isAdd = name == "ADD"
        let own: Set<String> = isAdd ? ["unpack", "checksum"] : ["from"]
        let flags = try flags(own.union(["chown", "chmod", "link", "exclude"]))
        var files = CopyFiles()
        var words = try json() ?? Words.plain(arguments)
        guard words.count >= 2, let destination = words.popLast() else {
            throw DockerfileProblem(
                "\(name) requires at least two arguments, but only \(words.count) could be found",
                expected: "\(name) SOURCE... DESTINATION")
        }
        files.destination = destination
        let markers = Set(line.heredocs.map(\.name))
        files.sources = words.filter { word in Heredoc(marker: word).map { !markers.contains($0.name) } ?? true }
        files.heredocs = line.heredocs.filter { $0.descriptor == 0 }
        guard !destination.isEmpty, !files.sources.contains("") else {
            throw DockerfileProblem("\(name) has an empty path")
        }
        if Heredoc(marker: destination).map({ markers.contains($0.name) }) == true {
            throw DockerfileProblem("\(name) cannot accept a heredoc as a destination", expected: "a path at the end")
        }
        files.owner = try flags.string("chown")
        files.mode = try flags.string("chmod")
        files.excluded = try flags.strings("exclude")
        _ = try flags.bool("link")
        if isAdd {
            files.unpacks = try flags.bool("unpack")
            files.checksum = try flags.string("checksum")
        } else {
            files.from = try flags.string("from")
            if files.from == "" { throw DockerfileProblem("--from names no stage") }
            if files.from != nil, !files.heredocs.isEmpty {
                throw DockerfileProblem("a heredoc cannot be copied from a stage")
            }
        }
        return files
    }

    func run() throws(DockerfileProblem) -> RunCommand {
        let flags = try flags(["mount", "network", "security"])
        var run = RunCommand(command: try commandLine(), heredocs: line.heredocs)
        if case .exec(let words) = run.command, words.isEmpty {
            throw DockerfileProblem("RUN requires at least one argument")
        }
        for text in try flags.strings("mount") { run.mounts.append(try RunMount(parsing: text)) }
        if let network = try flags.string("network") {
            guard ["default", "host", "none"].contains(network) else {
                throw DockerfileProblem("unknown network \(network)", expected: "default, host or none")
            }
            run.network = network
        }
        if let security = try flags.string("security"), security != "sandbox" {
            throw DockerfileProblem("cannot run with --security=\(security)", expected: "sandbox")
        }
        return run
    }
}

extension RunMount {
    /// - Parameter text: `type=cache,target=/x`; commas in quotes do not separate.
    init(parsing text: String) throws(DockerfileProblem) {
        self.init()
        for field in try Self.fields(text) {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let key = String(parts.first ?? "").lowercasedASCII
            try take(key, parts.count > 1 ? String(parts[1]) : nil)
        }
        guard target?.isEmpty == false else {
            throw DockerfileProblem("a mount has no target", expected: "--mount=type=\(kind.rawValue),target=PATH")
        }
        if kind == .tmpfs, source != nil || from != nil {
            throw DockerfileProblem("a tmpfs mount has no source")
        }
    }

    private mutating func take(_ key: String, _ value: String?) throws(DockerfileProblem) {
        switch key {
        case "readonly", "ro", "readwrite", "rw":
            guard value == nil || value == "true" || value == "false" else {
                throw DockerfileProblem("\(key) of a mount is either true or false")
            }
            isWritable = (key == "readwrite" || key == "rw") == (value != "false")
            return
        default: break
        }
        guard let value else { throw DockerfileProblem("\(key) of a mount needs a value", expected: "\(key)=VALUE") }
        switch key {
        case "type":
            guard let known = Kind(rawValue: value.lowercasedASCII) else {
                throw DockerfileProblem("cannot mount type \(value) in a build", expected: "bind, cache or tmpfs")
            }
            kind = known
        case "target", "dst", "destination": target = value
        case "source", "src": source = value
        case "from": from = value
        case "id": identifier = value
        case "sharing":
            guard ["shared", "private", "locked"].contains(value.lowercasedASCII) else {
                throw DockerfileProblem("unknown sharing \(value)", expected: "shared, private or locked")
            }
            isExclusive = value.lowercasedASCII != "shared"
        case "mode": mode = value
        case "uid": owner = value
        case "gid": group = value
        case "size": size = value
        default:
            throw DockerfileProblem(
                "unknown field \(key) of a mount",
                expected: "type, target, source, from, id, readonly, readwrite, sharing, mode, uid, gid or size")
        }
    }

    private static func fields(_ text: String) throws(DockerfileProblem) -> [String] {
        var fields: [[UInt8]] = [[]]
        var isQuoted = false
        for byte in text.utf8 {
            if byte == ASCII.doubleQuote {
                isQuoted.toggle()
            } else if byte == 0x2C, !isQuoted {
                fields.append([])
            } else {
                fields[fields.count - 1].append(byte)
            }
        }
        if isQuoted { throw .unclosed(ASCII.doubleQuote) }
        return fields.map { $0[...].text }
    }
}
