/// What the parts of a stage must say, checked before anything is built. Apptainer notices some of it in the middle of a
/// build; its sentences are kept.
extension ParsedStage {
    func checkHeader() throws(DefinitionError) {
        guard stage.header.isEmpty else { return }
        throw DefinitionError(
            .creating, "multiple stages detected, all must have headers", at: firstLine,
            expected: "a header before the first section, as in 'Bootstrap: localimage'")
    }

    func checkAgent(_ isScheme: (String) -> Bool) throws(DefinitionError) {
        let problem = "unable to get conveyorpacker: "
        let names = AgentKeys.required.keys.sorted().joined(separator: ", ")
        guard let agent = stage.field("bootstrap"), !agent.value.isEmpty else {
            throw DefinitionError(
                .creating, problem + "no bootstrap specification found", at: firstLine,
                expected: "'Bootstrap: AGENT', where AGENT is one of \(names)")
        }
        guard let required = AgentKeys.required[agent.value] ?? (isScheme(agent.value) ? AgentKeys.from : nil) else {
            throw DefinitionError(
                .creating, problem + "invalid build source \(agent.value)", at: line(agent.line),
                expected: "one of \(names)")
        }
        for (key, name) in required where (stage.value(key) ?? "").isEmpty { throw missing(name, agent) }
        if AgentKeys.needsRelease.contains(agent.value), (stage.value("osversion") ?? "").isEmpty, mentionsRelease {
            throw missing("OSVersion", agent)
        }
    }

    private func missing(_ key: String, _ agent: Stage.HeaderField) -> DefinitionError {
        DefinitionError(
            .performing, "conveyor failed to get: invalid \(agent.value) header, no \(key) specified",
            at: line(agent.line), expected: "a line '\(key): VALUE' in the header")
    }

    /// `%{OSVERSION}` in an address, in any case.
    private var mentionsRelease: Bool {
        ["mirrorurl", "updateurl"].contains { key in
            stage.value(key)?.lowercased().contains("%{osversion}") == true
        }
    }

    /// `{{ NAME` without its end. A script may mean something else by it, so there it is only pointed out.
    func checkBraces() throws(DefinitionError) {
        let headerEnd = lines.firstIndex(where: \.isMarker) ?? lines.endIndex
        let line =
            lines[..<headerEnd].first { !$0.isEmpty && Template.unclosed($0.bytes) != nil }
            ?? lines[headerEnd...].first { $0.isMarker && Template.unclosed($0.bytes) != nil }
        guard let line else { return }
        throw DefinitionError("a build variable is not closed", at: line, expected: "{{ NAME }}")
    }

    var unclosedInScripts: [(line: Int, text: String)] {
        lines.filter { !$0.isEmpty && !$0.isMarker && Template.unclosed($0.bytes) != nil }.map {
            ($0.number, "'{{' is not closed by '}}' and stays as it is")
        }
    }

    func checkSections(earlier: ArraySlice<Stage>, all: [Stage]) throws(DefinitionError) {
        for name in [SectionName.pre, .setup, .post] where stage.script(name)?.arguments == "-c" {
            let engine = name == .post ? "while running engine: " : ""
            throw DefinitionError(
                .performing,
                engine + "while processing section %\(name.rawValue) arguments: "
                    + "bad \(name.rawValue) section '-c' parameter: missing arguments",
                at: line(stage.scripts[name]?.line ?? 0), expected: "'%\(name.rawValue) -c PROGRAM'")
        }
        try checkPatterns()
        for group in stage.files {
            guard let wanted = group.stage, !earlier.contains(where: { $0.name == wanted }) else { continue }
            let names = earlier.compactMap(\.name)
            let problem =
                all.contains { $0.name == wanted }
                ? "stage \(wanted) is not built before this one" : "stage \(wanted) was not found"
            throw DefinitionError(
                .performing, "unable to copy files from stage to container fs: " + problem, at: line(group.line),
                expected: names.isEmpty
                    ? "an earlier stage with 'Stage: \(wanted)'"
                    : "an earlier stage: \(names.joined(separator: ", "))")
        }
    }
}

extension ParsedStage {
    /// Sources of `%files` that nobody can read.
    private func checkPatterns() throws(DefinitionError) {
        for group in stage.files {
            for file in group.files {
                do throws(PathPattern.Malformed) {
                    _ = try PathPattern.all(file.source)
                } catch {
                    let from = group.stage == nil ? "host" : "stage"
                    throw DefinitionError(
                        .performing,
                        "unable to copy files from \(from) to container fs: cannot read \(file.source): \(error.reason)",
                        at: line(file.line),
                        expected: "a path, or a pattern of *, ?, [...], {a,b}, **, +(a|b), ~ and variables that are set"
                    )
                }
            }
        }
    }
}

/// Which header keys each bootstrap agent cannot do without; Docs/spec/deffile.md §2.
enum AgentKeys {
    static let from = [(key: "from", name: "From")]
    private static let mirror = [("mirrorurl", "MirrorURL")]

    static let required: [String: [(key: String, name: String)]] = [
        "arch": [], "buildkit": from, "busybox": mirror, "debootstrap": mirror + [("osversion", "OSVersion")],
        "dnf": mirror, "docker": from, "docker-archive": from, "docker-daemon": from, "dockerfile": from,
        "library": from, "localimage": from, "oci": from, "oci-archive": from, "oras": from, "scratch": [],
        "shub": from, "yum": mirror, "zypper": [],
    ]

    /// Agents that put the release into addresses.
    static let needsRelease: Set<String> = ["dnf", "yum"]
}
