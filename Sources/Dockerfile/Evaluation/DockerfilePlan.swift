/// The options of a build from a Dockerfile.
package struct DockerfileOptions: Sendable {
    /// The stage to build; the last one when absent.
    package var target: String?
    /// `--build-arg`.
    package var arguments: [String: String] = [:]
    /// The platform of the image.
    package var platform: Platform
    /// The platform that builds.
    package var buildPlatform: Platform

    package init(platform: Platform, buildPlatform: Platform) {
        self.platform = platform
        self.buildPlatform = buildPlatform
    }
}

/// `linux/arm/v7`, with the names of the OCI image specification.
package struct Platform: Sendable, Equatable {
    package let system: String
    package let architecture: String
    package let variant: String

    package init(system: String = "linux", architecture: String, variant: String = "") {
        (self.system, self.architecture, self.variant) = (system, architecture, variant)
    }

    /// - Parameter text: `linux/amd64`, or only an architecture.
    package init(parsing text: String) throws(DockerfileProblem) {
        let aliases = ["x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386"]
        var parts = text.lowercasedASCII.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 1 { parts.insert("linux", at: 0) }
        guard (2...3).contains(parts.count), !parts.contains(""), parts[0] == "linux" else {
            throw DockerfileProblem("cannot build for platform \(text)", expected: "linux/ARCHITECTURE")
        }
        let architecture = aliases[parts[1]] ?? parts[1]
        // `arm64` alone means the variant v8.
        let variant = parts.count > 2 && !(architecture == "arm64" && parts[2] == "v8") ? parts[2] : ""
        self.init(system: parts[0], architecture: architecture, variant: variant)
    }

    package var text: String { "\(system)/\(architecture)" + (variant.isEmpty ? "" : "/" + variant) }
}

/// The stages of a Dockerfile and the base of each, with the options applied. Nothing on the host has been looked at.
package struct DockerfilePlan: Sendable {
    package enum Base: Sendable, Equatable {
        case scratch
        /// An earlier stage.
        case stage(Int)
        /// An image by name, or a path with its transport.
        case image(String)
    }

    package struct Stage: Sendable {
        package let base: Base
        /// The platform that FROM asks for, if it is not the build's.
        package let platform: Platform
        package let source: BuildStage
    }

    package let dockerfile: ParsedDockerfile
    package let options: DockerfileOptions
    /// The values of all ARG above the first FROM.
    package let globals: [String: String]
    package let stages: [Stage]
    /// The stage that becomes the image.
    package let target: Int

    package init(_ dockerfile: ParsedDockerfile, _ options: DockerfileOptions) throws(DockerfileError) {
        self.dockerfile = dockerfile
        self.options = options
        let automatic = Self.automatic(options)
        let declared = try Self.declared(dockerfile, options, automatic)
        globals = declared
        let expansion = Expansion(
            escape: dockerfile.escape, variables: automatic.merging(declared) { _, given in given })
        var stages: [Stage] = []
        for source in dockerfile.stages {
            stages.append(
                try at(source.place) { () throws(DockerfileProblem) in
                    try Self.stage(source, expansion, options, stages)
                })
        }
        self.stages = stages
        target = try Self.find(options.target, stages)
    }

    /// Returns the arguments that FROM knows without ARG; stages know those that they declare.
    static func automatic(_ options: DockerfileOptions) -> [String: String] {
        var values: [String: String] = ["TARGETSTAGE": options.target ?? "default"]
        for (prefix, platform) in [("TARGET", options.platform), ("BUILD", options.buildPlatform)] {
            values[prefix + "PLATFORM"] = platform.text
            values[prefix + "OS"] = platform.system
            values[prefix + "ARCH"] = platform.architecture
            values[prefix + "VARIANT"] = platform.variant
        }
        return values
    }

    private static func declared(
        _ dockerfile: ParsedDockerfile, _ options: DockerfileOptions, _ automatic: [String: String]
    ) throws(DockerfileError) -> [String: String] {
        var values: [String: String] = [:]
        for instruction in dockerfile.globals {
            guard case .arg(let arguments) = instruction.kind else { continue }
            for argument in arguments {
                let known = automatic.merging(values) { _, declared in declared }
                let expansion = Expansion(escape: dockerfile.escape, variables: known)
                try at(instruction.place) { () throws(DockerfileProblem) in
                    let name = try expansion.word(argument.name)
                    if let given = options.arguments[name] {
                        values[name] = given
                    } else if let value = argument.value {
                        values[name] = try expansion.word(value)
                    } else if let value = automatic[name] {
                        values[name] = value
                    }
                }
            }
        }
        return values
    }

    private static func stage(
        _ source: BuildStage, _ expansion: Expansion, _ options: DockerfileOptions, _ above: [Stage]
    ) throws(DockerfileProblem) -> Stage {
        let name = try expansion.word(source.base)
        guard !name.isEmpty else {
            throw DockerfileProblem(
                "base name (\(source.base)) should not be blank",
                expected: "an ARG with a default above the first FROM, or --build-arg")
        }
        var platform = options.platform
        if let text = source.platform {
            let expanded = try expansion.word(text)
            guard !expanded.isEmpty else { throw DockerfileProblem("empty platform value from \(text)") }
            platform = try Platform(parsing: expanded)
        }
        if let index = above.lastIndex(where: { $0.source.name == name.lowercasedASCII }) {
            return Stage(base: .stage(index), platform: above[index].platform, source: source)
        }
        return Stage(base: name == "scratch" ? .scratch : .image(name), platform: platform, source: source)
    }

    private static func find(_ target: String?, _ stages: [Stage]) throws(DockerfileError) -> Int {
        guard let target, !target.isEmpty else { return stages.count - 1 }
        if let index = stages.firstIndex(where: { $0.source.name == target.lowercasedASCII }) { return index }
        if let index = Int(target), stages.indices.contains(index) { return index }
        let names = stages.compactMap(\.source.name).joined(separator: ", ")
        throw DockerfileError(
            DockerfileProblem(
                "target stage \(target) could not be found", expected: names.isEmpty ? nil : "one of " + names),
            at: nil)
    }

    /// Returns what `--from` names: an earlier stage by its name or number, else an image.
    ///
    /// - Parameter stage: the stage of the instruction.
    package func source(_ from: String, in stage: Int) throws(DockerfileProblem) -> Base {
        let expansion = Expansion(
            escape: dockerfile.escape, variables: Self.automatic(options).merging(globals) { _, given in given })
        let name = try expansion.word(from)
        guard !name.isEmpty else { throw DockerfileProblem("--from=\(from) names nothing") }
        let named = stages.firstIndex { $0.source.name == name.lowercasedASCII }
        guard let index = named ?? Int(name) else { return name == "scratch" ? .scratch : .image(name) }
        guard stages.indices.contains(index) else {
            throw DockerfileProblem(
                "invalid stage index \(name)", expected: "a number below \(stage), or a stage's name")
        }
        guard index < stage else {
            throw DockerfileProblem(
                "cannot copy from stage \(name): it needs to be defined before the current stage")
        }
        return .stage(index)
    }

    /// Names of `--build-arg` that nothing declares, most likely typos.
    package var unusedArguments: [String] {
        var declared = Set(StageEvaluator.proxies)
        for instruction in dockerfile.globals + dockerfile.stages.flatMap(\.instructions) {
            if case .arg(let arguments) = instruction.kind { declared.formUnion(arguments.map(\.name)) }
        }
        return options.arguments.keys.filter { !declared.contains($0) && Self.automatic(options)[$0] == nil }.sorted()
    }
}
