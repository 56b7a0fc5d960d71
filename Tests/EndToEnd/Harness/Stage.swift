import CLinux
import Foundation
import Linux
import TestSupport

/// One installation of what was just built (or is in `SKIFF_BUILD`), made once per test process by `Scripts/install` in
/// a place that every user can read, so that the tests see the tree a user gets, moved once.
final class Stage: Sendable {
    var root: String { WorkDirectory.root }
    var prefix: String { root + "/moved" }
    var program: String { prefix + "/bin/skiff" }

    /// Where runs may put temporary files, and must leave none.
    static var temporary: String { WorkDirectory.root + "/tmp" }

    static let shared = Result { try Stage() }

    private init() throws {
        let build = environmentValue("SKIFF_BUILD") ?? products
        let script = Self.repository + "/Scripts/install"
        let installed = WorkDirectory.root + "/installed"
        let command = Command(
            ["/usr/bin/env", "BUILD=\(build)", "PREFIX=\(installed)", "DESTDIR=", "LINKS=1", "KEEP_SYMBOLS=1", script],
            as: .current)
        let outcome = try command.run()
        guard outcome.isSuccess else { throw HarnessError("cannot stage an installation: \(outcome)") }
        // A debug build finds the Swift runtime by an absolute path of the toolchain; the tree itself may lie anywhere.
        try makeDirectory(root + "/tmp", mode: 0o777)
        try Linux.chmod(root + "/tmp", 0o1777)
        try rename(installed, to: root + "/moved")
        for profile in Profile.allCases { try Self.makeCache(cache(for: profile), for: profile) }
    }

    /// Returns the user's own cache, so that no test reads what another suite or the developer keeps.
    func cache(for profile: Profile) -> String { root + "/cache-" + profile.rawValue }

    private static func makeCache(_ path: String, for profile: Profile) throws {
        try makeDirectory(path, mode: 0o700)
        if effectiveUID() == 0, let record = profile.record { try chown(path, record.uid, record.gid) }
    }

    /// The directory with Package.swift.
    static let repository = TestSupport.repository
}

struct HarnessError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs the staged skiff.
func skiff(_ arguments: String..., as profile: Profile, change: (inout Command) -> Void = { _ in }) throws -> Outcome {
    try skiffCommand(arguments, as: profile, change: change).run()
}

/// Runs the reporter in the small Linux with `exec`: first the flags, then what the reporter is to tell.
func inside(_ flags: String..., tell: String..., as profile: Profile, change: (inout Command) -> Void = { _ in })
    throws -> Outcome
{
    try inside(flags, tell: tell, as: profile, change: change)
}

func inside(_ flags: [String], tell: [String], as profile: Profile, change: (inout Command) -> Void = { _ in })
    throws -> Outcome
{
    let words = ["exec"] + flags + [try Images.shared.get().directory, "/inside"] + tell
    return try skiffCommand(words, as: profile, change: change).run()
}

/// Returns the staged skiff with a temporary directory of its own, ready to start.
func skiffCommand(_ arguments: [String], as profile: Profile, change: (inout Command) -> Void = { _ in }) throws
    -> Command
{
    var command = Command([try Stage.shared.get().program] + arguments, as: profile)
    command.environment["APPTAINER_TMPDIR"] = Stage.temporary
    command.environment["APPTAINER_CACHEDIR"] = try Stage.shared.get().cache(for: profile)
    change(&command)
    return command
}
