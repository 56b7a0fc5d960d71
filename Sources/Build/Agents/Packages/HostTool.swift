import Base
import Core
import ImageCache
import Linux
import Packing

/// A program of this host that makes root file systems: package managers know their distribution, we do not.
struct HostTool {
    let path: String
    private let programs: ProgramPath

    /// - Parameters:
    ///   - names: alternatives, the best first.
    ///   - package: the Debian package that has it.
    /// - Throws: Apptainer's sentence when there is none.
    init(_ names: [String], package: String, for request: BootstrapRequest) throws(SkiffError) {
        programs = request.options.programs
        for name in names {
            if let found = programs.find(name) {
                path = found
                return
            }
        }
        let list = names.joined(separator: " nor ")
        throw SkiffError(
            "While performing build: conveyor failed to get: \(names.count > 1 ? "neither " : "")\(list) "
                + (names.count > 1 ? "in PATH" : "is not in PATH"),
            hint: "Install the Debian package \(package), or what has it on your distribution")
    }

    /// One whose path is known.
    init(at path: String, for request: BootstrapRequest) { (self.path, programs) = (path, request.options.programs) }

    /// Runs it to its end for a base; what it says goes to the user. A user of one id has its calls answered as those of
    /// `%post` are.
    ///
    /// - Parameter environment: beside that of the caller.
    func run(_ arguments: [String], for request: BootstrapRequest, environment: [String] = []) throws(SkiffError) {
        let name = lastComponent(path)
        Log.debug("\(path) \(arguments.joined(separator: " "))")
        let set = ["PATH=" + programs.text] + environment
        let names = set.map { $0.prefix { $0 != "=" } + "=" }
        let variables = environmentStrings().filter { old in !names.contains { old.hasPrefix($0) } } + set
        let status: ExitStatus?
        if let supervisor = request.supervisor {
            let socket = try SupervisorLink.handover(over: supervisor)
            status = try during("cannot start \(name)") { () throws(Errno) in
                let pid = try spawn(
                    request.installation.rootSupervisor, ["skiff-root", "run", path] + arguments,
                    environment: variables,
                    descriptors: [(child: 3, parent: socket.raw)])
                return try waitFor(pid)?.status
            }
        } else {
            status = try during("cannot start \(name)") { () throws(Errno) in
                try waitFor(try spawn(path, [name] + arguments, environment: variables))?.status
            }
        }
        guard status == .exited(0) else {
            throw SkiffError(
                "While performing build: conveyor failed to get: while executing \(name): "
                    + (status?.text ?? "it is gone"), hint: "Its own messages above say why")
        }
    }
}

extension HostTool {
    /// The first line that it prints; nil when it fails.
    func output(_ arguments: [String]) -> String? {
        let words = [lastComponent(path)] + arguments
        guard
            let answer = try? Linux.output(of: path, words, environment: environmentStrings(), limit: 1 << 16),
            answer.status == .exited(0)
        else { return nil }
        return String(decoding: answer.bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    }
}

extension BootstrapRequest {
    /// Leads to the skiff-root that answers calls which root of one id cannot make; nil where root has what tools need.
    fileprivate var supervisor: CInt? {
        options.identity.rootMode == .supervised ? options.identity.supervisor : nil
    }

    /// The packages of `Include`, with those that are always there in front.
    func packages(_ always: [String], and more: String = "") -> [String] {
        always + (value("include") + " " + more).split { $0 == " " || $0 == "," || $0 == "\t" }.map(String.init)
    }

    /// A URL of the header, with `%{OSVERSION}` filled in.
    func url(_ key: String) -> String {
        var url = value(key)
        while let mark = url.range(of: "%{OSVERSION}", caseInsensitive: true) {
            url.replaceSubrange(mark, with: value("osversion"))
        }
        return url
    }

    /// What the content of packages depends on, as far as it can be told: mirrors change.
    func headerFacts(_ variables: [String] = []) -> [StepFact] {
        let header = stage.header.filter { $0.key != "stage" }.map { StepFact($0.key, $0.value) }
        return header + variables.map { StepFact($0, environmentValue($0) ?? "") }
    }
}

extension BaseContent {
    /// A root file system from packages: its runscript does nothing yet.
    static var ofPackages: BaseContent {
        var content = BaseContent()
        content.files = [.init(path: "/.singularity.d/runscript", bytes: Array("#!/bin/sh\n".utf8), mode: 0o755)]
        return content
    }
}

extension String {
    fileprivate func range(of mark: String, caseInsensitive: Bool) -> Range<String.Index>? {
        let wanted = Array(mark.lowercased().utf8)
        let bytes = Array(utf8)
        guard bytes.count >= wanted.count else { return nil }
        for start in 0...(bytes.count - wanted.count)
        where bytes[start..<(start + wanted.count)].map(\.lowercased) == wanted {
            let first = utf8.index(utf8.startIndex, offsetBy: start)
            return first..<utf8.index(first, offsetBy: wanted.count)
        }
        return nil
    }
}

/// Takes away what a tool mounted below a directory and left there.
func unmountBelow(_ path: String) {
    guard let bytes = try? readFile("/proc/self/mountinfo") else { return }
    let points = bytes.split(separator: 0x0A).compactMap { line -> String? in
        let fields = line.split(separator: 0x20)
        return fields.count > 4 ? String(decoding: fields[4], as: UTF8.self) : nil
    }
    for point in points.reversed() where point != path && isPath(point, within: path) {
        try? unmount(point, detach: true)
    }
}
