import Linux

/// Evaluates a stage: keeps its configuration and variables, and returns its steps one after another.
package struct StageEvaluator {
    /// The configuration after the last instruction.
    package private(set) var config: ContainerConfig
    /// The values of ARG, which stages that begin from this one inherit.
    package private(set) var arguments: [String: String]

    private let plan: DockerfilePlan
    private let stage: Int
    private var rest: ArraySlice<Instruction>
    private var hasCommand = false

    /// The arguments that RUN knows without ARG.
    package static let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap {
        [$0, $0.lowercasedASCII]
    }

    /// - Parameters:
    ///   - config: the configuration of the base: an image's, another stage's, or `.scratch`.
    ///   - arguments: the arguments of the stage that this one begins from.
    package init(
        _ plan: DockerfilePlan, stage: Int, config: ContainerConfig, arguments: [String: String] = [:]
    ) throws(DockerfileError) {
        self.plan = plan
        self.stage = stage
        self.config = config
        self.arguments = arguments
        let source = plan.stages[stage].source
        var instructions: [Instruction] = []
        for trigger in config.triggers {
            instructions.append(try ParsedDockerfile.trigger(trigger, at: source.place))
        }
        self.config.triggers = []
        rest = (instructions + source.instructions)[...]
    }

    /// - Returns: nil when the stage is done.
    package mutating func next() throws(DockerfileError) -> DockerfileStep? {
        while let instruction = rest.popFirst() {
            let action = try at(instruction.place) { () throws(DockerfileProblem) in try take(instruction.kind) }
            if let action { return DockerfileStep(place: instruction.place, text: instruction.text, action: action) }
        }
        return nil
    }

    private var variables: [String: String] {
        // ENV takes precedence over ARG, in any order.
        arguments.merging(config.variables) { _, set in set }
    }

    private var expansion: Expansion { Expansion(escape: plan.dockerfile.escape, variables: variables) }

    private mutating func take(_ kind: Instruction.Kind) throws(DockerfileProblem) -> DockerfileStep.Action? {
        switch kind {
        case .add(let files): return .copy(try copy(files, isAdd: true))
        case .copy(let files): return .copy(try copy(files, isAdd: false))
        case .run(let command): return .run(try run(command))
        case .workdir(let path):
            config.workingDirectory =
                ContextPath.inImage(
                    try expansion.word(path), from: config.workingDirectory
                ).withoutFinalSlash
            return config.workingDirectory == "/"
                ? nil : .makeDirectory(config.workingDirectory, owner: config.user)
        default:
            try configure(kind)
            return nil
        }
    }

    private mutating func configure(_ kind: Instruction.Kind) throws(DockerfileProblem) {
        let expansion = self.expansion
        switch kind {
        case .arg(let declared): try declare(declared, expansion)
        case .cmd(let line):
            config.command = words(line)
            hasCommand = true
        case .entrypoint(let line):
            config.entrypoint = words(line)
            // The base's arguments were meant for another program.
            if !hasCommand { config.command = nil }
        case .env(let pairs):
            for (key, value) in try expanded(pairs, expansion) { config.set(key, value) }
        case .label(let pairs):
            for (key, value) in try expanded(pairs, expansion) { config.labels[key] = value }
        case .expose(let ports):
            for port in ports {
                for word in try expansion.words(port) { config.exposedPorts.insert(try PortRange(parsing: word)) }
            }
        case .healthcheck(let check): config.healthcheck = check
        case .onbuild(let text): config.triggers.append(text)
        case .shell(let words): config.shell = words
        case .stopsignal(let signal): config.stopSignal = try expansion.word(signal)
        case .user(let user): config.user = try expansion.word(user)
        case .volume(let paths):
            for path in paths {
                let expanded = try expansion.word(path)
                guard !expanded.isEmpty else { throw DockerfileProblem("VOLUME specified can not be an empty string") }
                if !config.volumes.contains(expanded) { config.volumes.append(expanded) }
            }
        case .add, .copy, .maintainer, .run, .workdir: break
        }
    }

    private func words(_ line: CommandLine) -> [String] {
        switch line {
        case .shell(let text): config.shellWords(text)
        case .exec(let words): words
        }
    }

    /// Returns the pairs expanded with the values from before the instruction.
    private func expanded(_ pairs: [Instruction.Pair], _ expansion: Expansion) throws(DockerfileProblem)
        -> [(String, String)]
    {
        var result: [(String, String)] = []
        for pair in pairs {
            let key = try expansion.word(pair.key)
            guard !key.isEmpty else { throw DockerfileProblem("a name is empty: \(pair.key)") }
            result.append((key, try expansion.word(pair.value)))
        }
        return result
    }

    /// Declares arguments. A value comes from `--build-arg`, else from the default, else from an ARG above the first
    /// FROM or the platform.
    private mutating func declare(_ declared: [Instruction.Argument], _ expansion: Expansion)
        throws(DockerfileProblem)
    {
        for argument in declared {
            let name = try expansion.word(argument.name)
            if let given = plan.options.arguments[name] {
                arguments[name] = given
            } else if let value = argument.value {
                arguments[name] = try expansion.word(value)
            } else if let value = plan.globals[name] ?? DockerfilePlan.automatic(plan.options)[name] {
                arguments[name] = value
            }
        }
    }
}

extension String {
    var withoutFinalSlash: String { count > 1 && hasSuffix("/") ? String(dropLast()) : self }
}

// MARK: - Files and commands

extension StageEvaluator {
    private func copy(_ files: CopyFiles, isAdd: Bool) throws(DockerfileProblem) -> CopyStep {
        let expansion = self.expansion
        var sources: [String] = []
        for source in files.sources { sources.append(try expansion.word(source)) }
        var made: [CopyStep.File] = []
        let inBody = Expansion(escape: ASCII.backslash, variables: expansion.variables, ignoresQuotes: true)
        for heredoc in files.heredocs {
            let content = heredoc.content
            made.append(
                .init(name: heredoc.name, content: heredoc.expands ? try inBody.bytes(content[...]) : content))
        }
        let written = try expansion.word(files.destination)
        let destination = ContextPath.inImage(written, from: config.workingDirectory)
        guard sources.count + made.count < 2 || destination.hasSuffix("/") else {
            throw DockerfileProblem(
                "with more than one source file the destination must be a directory and end with a /",
                expected: written + "/")
        }
        guard !sources.contains("") else { throw DockerfileProblem("a source is empty") }
        if !isAdd, let address = sources.first(where: CopyStep.isAddress) {
            throw DockerfileProblem("source can't be a URL for COPY: \(address)", expected: "ADD \(address)")
        }
        var mode: FileModeChange?
        if let text = files.mode { mode = try FileModeChange(parsing: try expansion.word(text)) }
        var excluded: [String] = []
        for pattern in files.excluded { excluded.append(try expansion.word(pattern)) }
        return CopyStep(
            sources: sources, files: made, destination: destination, from: try base(files.from),
            owner: try files.owner.map { text throws(DockerfileProblem) in try expansion.word(text) }, mode: mode,
            excluded: try IgnoreFile(patterns: excluded), unpacks: files.unpacks ?? isAdd,
            unpacksFetched: files.unpacks ?? false,
            checksum: try files.checksum.map { text throws(DockerfileProblem) in
                try Self.checksum(try expansion.word(text), of: sources, made)
            })
    }

    /// - Returns: the digits.
    private static func checksum(_ text: String, of sources: [String], _ made: [CopyStep.File])
        throws(DockerfileProblem) -> String
    {
        let digits = text.utf8.dropFirst("sha256:".utf8.count)
        guard text.hasPrefix("sha256:"), digits.count == 64,
            digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else {
            throw DockerfileProblem("\(text) is no checksum", expected: "--checksum=sha256: and 64 digits 0-9 a-f")
        }
        guard sources.count == 1, made.isEmpty, sources.allSatisfy(CopyStep.isAddress) else {
            throw DockerfileProblem(
                "a checksum is for one file of another host", expected: "ADD --checksum=sha256:... URL DESTINATION")
        }
        return String(text.dropFirst("sha256:".count))
    }

    private func base(_ from: String?) throws(DockerfileProblem) -> DockerfilePlan.Base? {
        guard let from else { return nil }
        return try plan.source(from, in: stage)
    }

    private func run(_ command: RunCommand) throws(DockerfileProblem) -> RunStep {
        let variables = self.variables
        var environment = variables.filter { name, _ in config.variables[name] == nil }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }
        environment += config.environment
        if variables["PATH"] == nil { environment.append("PATH=" + ContainerConfig.standardPath) }
        let proxies = plan.options.arguments.filter { Self.proxies.contains($0.key) && variables[$0.key] == nil }
        var mounts: [RunStep.Mount] = []
        for mount in command.mounts { mounts.append(try expanded(mount)) }
        return RunStep(
            program: try program(command), environment: environment,
            proxies: proxies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" },
            directory: config.workingDirectory.isEmpty ? "/" : config.workingDirectory, user: config.user,
            mounts: mounts, network: command.network)
    }

    private func program(_ command: RunCommand) throws(DockerfileProblem) -> RunStep.Program {
        guard case .shell(let line) = command.command else { return .arguments(words(command.command)) }
        guard let first = command.heredocs.first else { return .arguments(config.shellWords(line)) }
        // A heredoc alone is the script itself; with words around it, it is the input of a command.
        if Heredoc(marker: line)?.name == first.name {
            let content = first.content
            if content.starts(with: Array("#!".utf8)) { return .script(content) }
            return .arguments(config.shellWords(try Self.text(content)))
        }
        var text = line
        for heredoc in command.heredocs { text += "\n" + (try Self.text(heredoc.body)) + heredoc.name }
        return .arguments(config.shellWords(text))
    }

    private static func text(_ bytes: [UInt8]) throws(DockerfileProblem) -> String {
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw DockerfileProblem("the heredoc is no text", expected: "UTF-8 without null characters")
        }
        return text
    }

    private func expanded(_ mount: RunMount) throws(DockerfileProblem) -> RunStep.Mount {
        let expansion = self.expansion
        func word(_ text: String?) throws(DockerfileProblem) -> String? {
            try text.map { text throws(DockerfileProblem) in try expansion.word(text) }
        }
        let target = ContextPath.inImage(try word(mount.target) ?? "", from: config.workingDirectory).withoutFinalSlash
        guard target != "/" else { throw DockerfileProblem("a mount cannot cover the root of the image") }
        func number(_ text: String?, _ standard: UInt32, radix: Int) throws(DockerfileProblem) -> UInt32 {
            guard let text = try word(text) else { return standard }
            guard let number = UInt32(text, radix: radix), number != .max else {
                throw DockerfileProblem("\(text) of a mount is no number")
            }
            return number
        }
        return RunStep.Mount(
            kind: mount.kind, target: target,
            source: "/" + ContextPath.cleaned(try word(mount.source) ?? "").joined(separator: "/"),
            from: try base(mount.from), identifier: try word(mount.identifier) ?? target,
            isExclusive: mount.isExclusive, isWritable: mount.isWritable ?? (mount.kind != .bind),
            mode: try number(mount.mode, 0o755, radix: 8) & 0o7777, owner: try number(mount.owner, 0, radix: 10),
            group: try number(mount.group, 0, radix: 10), size: try Self.size(try word(mount.size)))
    }

    /// `64m`: bytes, or a number with k, m, g.
    private static func size(_ text: String?) throws(DockerfileProblem) -> Int64 {
        guard let text else { return 0 }
        let digits = text.bytes.prefix { $0.isDigit }
        let shifts = ["": 0, "b": 0, "k": 10, "kb": 10, "m": 20, "mb": 20, "g": 30, "gb": 30]
        guard let number = Int64(digits.text), number < 1 << 32,
            let shift = shifts[text.bytes[digits.endIndex...].text.lowercasedASCII]
        else { throw DockerfileProblem("\(text) is no size", expected: "bytes, or a number with k, m or g") }
        return number << Int64(shift)
    }
}
