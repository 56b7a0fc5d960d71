import CLinux
import Foundation
import Linux
import TestSupport
import Testing

/// A configuration directory of its own, in which one test keeps its instances; those that still run end with it.
final class InstancePlace {
    let profile: Profile
    let configuration: String

    init(_ profile: Profile) throws {
        try need(profile)
        if profile == .user { try need(.userNamespaces) }
        self.profile = profile
        configuration = try WorkDirectory.make(for: profile) + "/configuration"
    }

    deinit { _ = try? run(["instance", "stop", "--all", "--force"]) }

    func command(_ words: [String], change: (inout Command) -> Void = { _ in }) throws -> Command {
        try skiffCommand(words, as: profile) {
            $0.environment["APPTAINER_CONFIGDIR"] = configuration
            change(&$0)
        }
    }

    func run(_ words: [String], change: (inout Command) -> Void = { _ in }) throws -> Outcome {
        try command(words, change: change).run()
    }

    /// Starts an instance and expects it to run.
    func start(_ name: String, _ flags: [String] = [], image: String? = nil, _ arguments: [String] = []) throws {
        let words =
            try ["instance", "start"] + flags + [image ?? Self.image("service", Self.service), name] + arguments
        let outcome = try run(words)
        #expect(
            outcome.isSuccess && outcome.standardError.hasSuffix("INFO:    instance started successfully\n"),
            "\(outcome)")
    }

    func stop(_ name: String, _ flags: [String] = ["-t", "5"]) throws {
        let outcome = try run(["instance", "stop"] + flags + [name])
        #expect(outcome.isSuccess, "\(outcome)")
    }

    func exec(_ name: String, _ words: String...) throws -> Outcome { try run(["exec", "instance://" + name] + words) }

    /// The first process of an instance, as `instance list` tells.
    func pid(_ name: String) throws -> pid_t {
        let outcome = try run(["instance", "list", name])
        let line = outcome.standardOutput.split(separator: "\n").dropFirst().first ?? ""
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { pid_t($0) }, "\(outcome)")
    }

    func keeper(_ name: String) throws -> pid_t { try #require(ProcessTable.entry(try pid(name))?.parent) }

    /// The names of the instances that run.
    func names() throws -> [String] {
        try run(["instance", "list"]).standardOutput.split(separator: "\n").dropFirst().map {
            String($0.prefix { $0 != " " })
        }
    }

    /// The state directory.
    var state: String { configuration + "/instances/skiff/\(hostname())/\(profile.record?.name ?? "")" }
    var logs: String { configuration + "/instances/logs/\(hostname())/\(profile.record?.name ?? "")" }

    func log(_ name: String) -> String {
        String(decoding: (try? readFile(logs + "/" + name)) ?? [], as: UTF8.self)
    }

    /// Waits until a log has this text.
    func wait(for text: String, in name: String) -> Bool {
        for _ in 0..<500 {
            if log(name).contains(text) { return true }
            usleep(10_000)
        }
        return false
    }

    /// Says what it was given, and goes on until a signal comes.
    static let service = """
        #!/bin/sh
        echo "args: $*"
        echo "instance: $APPTAINER_INSTANCE $SINGULARITY_INSTANCE $APPTAINER_COMMAND"
        trap 'echo got INT; exit 0' INT
        trap 'echo got TERM; exit 0' TERM
        trap 'echo got HUP' HUP
        while :; do sleep 0.1; done
        """

    nonisolated(unsafe) private static var images: [String: String] = [:]

    /// A small Linux with a startscript, made once.
    static func image(_ name: String, _ startscript: String) throws -> String {
        // The suites of EndToEnd run one after the other.
        if let made = images[name] { return made }
        let made = try Images.shared.get().changed("start-\(name)", from: try AttackRoot.directory.get()) { copy in
            try makeDirectories(copy + "/.singularity.d")
            try writeFile(copy + "/.singularity.d/startscript", Array(startscript.utf8), mode: 0o755)
            try Linux.chmod(copy + "/.singularity.d/startscript", 0o755)
        }
        images[name] = made
        return made
    }

    /// The same as a SIF.
    static func file(_ name: String, _ startscript: String) throws -> String {
        let directory = try image(name, startscript)
        let path = directory + ".sif"
        if (try? status(path)) != nil { return path }
        let outcome = try skiffCommand(["build", path, directory], as: .current).run()
        guard outcome.isSuccess else { throw HarnessError("cannot build \(path): \(outcome)") }
        return path
    }
}
