import Base
import Core
import ImageCache
import Linux
import Packing

/// A program of this host that makes root file systems, as a package manager, which knows its distribution.
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

    /// A program whose path is known.
    init(at path: String, for request: BootstrapRequest) { (self.path, programs) = (path, request.options.programs) }

    /// Runs it for a base, and waits for its end; what it prints goes to the user. For a user of one id skiff-root answers its
    /// calls, as those of `%post`.
    ///
    /// - Parameter environment: variables besides those of the caller.
    func run(_ arguments: [String], for request: BootstrapRequest, environment: [String] = []) throws(SkiffError) {
        let name = lastComponent(path)
        Log.debug("\(path) \(arguments.joined(separator: " "))")
        let set = ["PATH=" + programs.text] + environment
        let names = set.map { $0.prefix { $0 != "=" } + "=" }
        let variables = environmentStrings().filter { old in !names.contains { old.hasPrefix($0) } } + set
        let program = HostProgram(
            path: path, identity: request.options.identity, installation: request.installation)
        let status = try program.run([name] + arguments, environment: variables)
        guard status == .exited(0) else {
            throw SkiffError(
                "While performing build: conveyor failed to get: while executing \(name): "
                    + status.text, hint: "Its own messages above say why")
        }
    }
}

extension HostTool {
    /// Returns the first line that it prints, or nil when it fails.
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
    /// Returns the packages of `Include`, after those that are always installed.
    func packages(_ always: [String], and more: String = "") -> [String] {
        always + (value("include") + " " + more).split { $0 == " " || $0 == "," || $0 == "\t" }.map(String.init)
    }

    /// Returns a URL of the header, with `%{OSVERSION}` filled in.
    func url(_ key: String) -> String {
        var url = value(key)
        while let mark = url.range(of: "%{OSVERSION}", caseInsensitive: true) {
            url.replaceSubrange(mark, with: value("osversion"))
        }
        return url
    }

    /// Returns what the installed packages depend on, as far as it can be told: mirrors change.
    func headerFacts(_ variables: [String] = []) -> [StepFact] {
        let header = stage.header.filter { $0.key != "stage" }.map { StepFact($0.key, $0.value) }
        return header + variables.map { StepFact($0, environmentValue($0) ?? "") }
    }
}

extension BaseContent {
    /// What packages leave to the build.
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

/// Unmounts what a tool has left mounted below a directory.
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
