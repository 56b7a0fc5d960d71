import Base
import CLinux
import Linux
import TestSupport
import Testing

@testable import Core

/// State files that somebody changed.
@Suite struct InstanceDirectoryTests {
    private let scratch: Scratch
    private let directory: InstanceDirectory

    init() throws {
        scratch = try Scratch()
        directory = InstanceDirectory(configuration: scratch.path, user: "u/../x", owner: effectiveUID())
    }

    private func running(_ name: String) throws -> Instance {
        InstanceTests.instance(name, keeper: try #require(Instance.Process(processID())))
    }

    private func names() -> [String] { directory.running { _ in true }.map(\.name) }

    @Test func namesOfUsersLeadNowhere() { #expect(directory.path.hasSuffix("/\(hostname())/u_.._x")) }

    @Test func stateIsTheOwners() throws {
        try directory.write(try running("a"))
        #expect(try status(directory.path).permissions == 0o700)
        #expect(try status(directory.statePath("a")).permissions == 0o600)
        #expect(try directory.running("a")?.name == "a")
        #expect(try directory.running("b") == nil)
    }

    @Test func theListGoesOnAfterDamage() throws {
        try directory.write(try running("a"))
        try directory.write(try running("z"))
        try writeFile(directory.statePath("half"), Array(try running("half").encoded().prefix(40)), mode: 0o600)
        // The name in the file is another.
        try writeFile(directory.statePath("other"), try running("a").encoded(), mode: 0o600)
        try writeFile(directory.path + "/a b.state", [], mode: 0o600)
        try makeDirectory(directory.statePath("folder"), mode: 0o700)
        try makeSymlink(directory.statePath("a"), at: directory.statePath("link"))
        try writeFile(directory.statePath("open"), try running("open").encoded(), mode: 0o600)
        try Linux.chmod(directory.statePath("open"), 0o622)
        #expect(names() == ["a", "z"])
        for name in ["half", "other", "folder", "link", "open"] {
            let error = #expect(throws: SkiffError.self) { try directory.running(name) }
            #expect(error?.message.contains(directory.statePath(name)) == true, "\(name): \(String(describing: error))")
        }
    }

    @Test func endedInstancesAreForgotten() throws {
        var ended = try running("a")
        ended.keeper = .init(pid: ended.keeper.pid, startTime: ended.keeper.startTime + 1)
        try directory.write(ended)
        #expect(names().isEmpty)
        #expect(throws: Errno.noSuchFile) { try status(directory.statePath("a")) }
        // One of another PID namespace may run.
        ended.pidNamespace &+= 1
        try directory.write(ended)
        #expect(names().isEmpty)
        _ = try status(directory.statePath("a"))
    }

    @Test func logsAreFilesOfTheirOwner() throws {
        let path = directory.errorLog("a")
        let log = try directory.openLog(path)
        try writeFully(log.raw, "one\n")
        try log.close()
        let again = try directory.openLog(path)
        try writeFully(again.raw, "two\n")
        try again.close()
        #expect(try readFile(path) == "one\ntwo\n".bytes)
        let target = scratch.path + "/target"
        try writeFile(target, [], mode: 0o600)
        let makers: [(String) throws -> Void] = [
            { try makeSymlink(target, at: $0) }, { try makeDirectory($0, mode: 0o700) },
            { _ = try checkedFIFO($0) }, { try hardLink(target, $0) },
            {
                try writeFile($0, [], mode: 0o600)
                try Linux.chmod($0, 0o666)
            },
        ]
        for (index, make) in makers.enumerated() {
            let place = directory.errorLog("bad\(index)")
            try make(place)
            let error = #expect(throws: SkiffError.self) { _ = try directory.openLog(place) }
            #expect(error?.message.contains(place) == true, "\(String(describing: error))")
        }
        #expect(try status(target).size == 0)
    }

    private func checkedFIFO(_ path: String) throws -> CInt { mkfifo(path, 0o600) }
    private func hardLink(_ target: String, _ path: String) throws { #expect(link(target, path) == 0) }
}
