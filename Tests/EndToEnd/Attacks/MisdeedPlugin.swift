import CLinux
import Foundation
import Linux
import TestSupport

/// An installation with the plugin of `Tests/Inside/misdeed.c`, which does in any call what no plugin may; made once.
final class MisdeedPlugin: Sendable {
    static let shared = Result { try MisdeedPlugin() }

    private let folder: String

    /// The calls in which a plugin's code runs, in order, by the names that messages have.
    static let stations = [
        "load", "entry", "init", "get_extension", "--misdeed", "configure", "prepare", "mounts", "environment",
        "entered", "pre_exec", "started", "stopped",
    ]

    private init() throws {
        folder = try Stage.shared.get().root + "/misdeed"
        let plugins = folder + "/lib/skiff/plugins"
        let compile = "cc -std=c99 -Wall -Wextra -Werror -fvisibility=hidden -fPIC -shared"
        let script = """
            set -e; cp -a \(try Stage.shared.get().prefix) \(folder)
            for how in '' -DIN_PLACE; do
                \(compile) $how -I \(folder)/include -o \(plugins)/misdeed$how.so \(Stage.repository)/Tests/Inside/misdeed.c
            done
            """
        let outcome = try Command(["/bin/sh", "-c", script], as: .current).run()
        guard outcome.isSuccess else { throw HarnessError("cannot make the plugin: \(outcome)") }
        for inPlace in [false, true] {
            let file = "\(plugins)/org.test.\(inPlace ? "in-place" : "misdeed").plugin"
            try writeFile(file, Array(Self.manifest(inPlace: inPlace).utf8), mode: 0o644)
        }
    }

    private static func manifest(inPlace: Bool) -> String {
        let name = inPlace ? "in-place" : "misdeed"
        return """
            format = 1
            id = org.test.\(name)
            version = 1.0
            abi = 0.2
            library = misdeed\(inPlace ? "-DIN_PLACE" : "").so
            phases = configure, prepare, mounts, environment, entered, pre_exec\(inPlace ? "" : ", started, stopped")
            [flag]
            name = \(name)
            help = do it
            handler = misdeed
            signature = i:cb
            [command]
            name = \(name)
            help = do it
            handler = command
            signature = i:cS

            """
    }

    /// Makes a copy for a test that changes it.
    /// - Returns: its plugin directory.
    func copy(for profile: Profile) throws -> String {
        let folder = try WorkDirectory.make(for: profile) + "/copy"
        let outcome = try Command(["/bin/cp", "-a", self.folder, folder], as: .current).run()
        guard outcome.isSuccess else { throw HarnessError("cannot copy the installation: \(outcome)") }
        return folder + "/lib/skiff/plugins"
    }

    /// A command with the plugin, which does its deed at the station.
    func command(_ words: [String], _ misdeed: String? = nil, as profile: Profile) throws -> Command {
        var command = Command([folder + "/bin/skiff"] + words, as: profile)
        command.environment["MISDEED"] = misdeed
        command.environment["APPTAINER_TMPDIR"] = Stage.temporary
        command.environment["APPTAINER_CACHEDIR"] = try Stage.shared.get().cache(for: profile)
        return command
    }

    /// `exec --misdeed` of a directory, with these words after it.
    func exec(
        _ words: [String], flags: [String] = ["--misdeed"], image: String? = nil, _ misdeed: String? = nil,
        place: String? = nil, as profile: Profile
    ) throws -> Outcome {
        let image = try image ?? Images.shared.get().directory
        var command = try command(["exec"] + flags + [image] + words, misdeed, as: profile)
        command.environment["MISDEED_PLACE"] = place
        return try command.run()
    }
}
