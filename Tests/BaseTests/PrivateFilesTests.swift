import CLinux
import Linux
import TestSupport
import Testing

@testable import Base

/// What a process takes for its own work. Another user is played by an owner that is not believed.
@Suite struct PrivateFilesTests {
    private let root: FakeRoot
    private let own = PrivateFiles(user: effectiveUID(), owners: [effectiveUID()], holders: [effectiveUID(), 0])
    private let foreign = PrivateFiles(user: effectiveUID() + 2, owners: [effectiveUID() + 2])
    private var folder: String { root.path + "/d" }

    init() throws {
        root = try FakeRoot()
        try root.directory("/d")
        try Linux.chmod(folder, 0o700)
    }

    private func refusal(_ body: () throws(SkiffError) -> Void) -> SkiffError? {
        do throws(SkiffError) { try body() } catch { return error }
        return nil
    }

    @Test func filesOfOthersAreNotOpened() throws {
        let file = folder + "/file"
        for (mode, isOwn) in [
            (0o600, true), (0o644, true), (0o755, true), (0o666, false), (0o620, false), (0o602, false),
        ] {
            try writeFile(file, [1], mode: 0o600)
            try Linux.chmod(file, mode_t(mode))
            if isOwn {
                #expect(try own.read(file, limit: 9) == [1])
            } else {
                #expect(throws: Errno.notPermitted) { _ = try own.read(file, limit: 9) }
            }
            try unlink(file)
        }
        try writeFile(file, [1], mode: 0o600)
        #expect(throws: Errno.notPermitted) { _ = try foreign.open(file) }
        try makeSymlink(file, at: folder + "/link")
        #expect(throws: Errno.tooManySymlinks) { _ = try own.open(folder + "/link") }
        #expect(throws: Errno.notPermitted) { _ = try own.open(folder) }
        try makeNode(folder + "/fifo", mode: SKL_S_IFIFO | 0o600)
        #expect(throws: Errno.notPermitted) { _ = try own.open(folder + "/fifo") }
    }

    /// Whoever still has the planted file open changes nothing of what is written.
    @Test func plantedFilesAreReplaced() throws {
        let (file, victim) = (folder + "/part", folder + "/victim")
        try writeFile(victim, [7], mode: 0o600)
        for plant in [
            {
                try writeFile(file, [1], mode: 0o600); try Linux.chmod(file, 0o666)
            }, { try makeSymlink(victim, at: file) },
            { try makeNode(file, mode: SKL_S_IFIFO | 0o600) }, {},
        ] as [() throws -> Void] {
            try plant()
            let before = try? status(file, follow: false)
            let opened = try own.openOrMake(file)
            let found = try status(of: opened.raw)
            #expect(found.isRegular && found.size == 0 && found.permissions == 0o600 && found != before)
            try writeFully(opened.raw, [2])
            try unlink(file)
        }
        #expect(try readFile(victim) == [7])
        try writeFile(file, [5], mode: 0o600)
        let kept = try own.openOrMake(file)
        #expect(try readBytes(kept.raw, at: 0, count: 9) == [5])
    }

    @Test func directoriesAreForNobodyElse() throws {
        let place = folder + "/new/cache"
        for mode in [nil, 0o755, 0o750, 0o700] as [mode_t?] {
            if let mode { try Linux.chmod(place, mode) }
            _ = try own.openDirectory(place, cure: "Cure")
            #expect(try status(place).permissions == 0o700)
        }
        for mode in [0o777, 0o770, 0o702, 0o1777] as [mode_t] {
            try Linux.chmod(place, mode)
            let error = refusal { () throws(SkiffError) in _ = try own.openDirectory(place, cure: "Cure") }
            #expect(error?.message == "cannot use \(place): others may write it, and can have put anything there")
            #expect(error?.hint == "Cure" && error?.errno == nil)
        }
        try Linux.chmod(place, 0o700)
        let error = refusal { () throws(SkiffError) in _ = try foreign.openDirectory(place, cure: "Cure") }
        #expect(error?.message == "cannot use \(place): it belongs to uid \(effectiveUID())" && error?.errno == nil)
        // One's own link leads where one likes, that of another nowhere.
        try makeSymlink(place, at: folder + "/link")
        _ = try own.openDirectory(folder + "/link", cure: "Cure")
        let link = refusal { () throws(SkiffError) in _ = try foreign.openDirectory(folder + "/link", cure: "Cure") }
        #expect(link?.message == "cannot use \(folder)/link: it is a link that belongs to uid \(effectiveUID())")
        // What the kernel refuses is another matter.
        try writeFile(folder + "/file", [], mode: 0o600)
        let file = refusal { () throws(SkiffError) in _ = try own.openDirectory(folder + "/file", cure: "Cure") }
        #expect(file?.errno == .notDirectory)
    }

    @Test func whatHoldsThemIsNotReplaced() throws {
        let place = folder + "/parent"
        try makeDirectory(place, mode: 0o700)
        for (mode, isUsable) in [
            (0o700, true), (0o755, true), (0o775, true), (0o1777, true), (0o777, false), (0o703, false),
        ] {
            try Linux.chmod(place, mode_t(mode))
            for path in [place, place + "/absent/deeper"] {
                let error = refusal { () throws(SkiffError) in try own.check(holder: path, cure: "Cure") }
                #expect((error == nil) == isUsable, "\(String(mode, radix: 8)): \(String(describing: error))")
            }
        }
        for mode in [0o755, 0o1777] as [mode_t] {
            try Linux.chmod(place, mode)
            let error = refusal { () throws(SkiffError) in try foreign.check(holder: place, cure: "Cure") }
            #expect(error?.message == "cannot use \(place): it belongs to uid \(effectiveUID())")
        }
        try own.check(holder: "/tmp", cure: "Cure")
    }

    /// Root's holders are looked at up to the root directory, as by sudo.
    @Test func rootLooksAtAllThatIsAbove() throws {
        let trusting = PrivateFiles(
            user: effectiveUID(), owners: [effectiveUID()], holders: [effectiveUID(), 0],
            trust: Trust(requiring: [effectiveUID()]))
        try makeDirectories(folder + "/open/inside", mode: 0o700)
        try trusting.check(holder: folder + "/open/inside", cure: "Cure")
        _ = try trusting.openDirectory(folder + "/open/inside", cure: "Cure")
        try Linux.chmod(folder + "/open", 0o777)
        let error = refusal { () throws(SkiffError) in try trusting.check(holder: folder + "/open/inside", cure: "Cure")
        }
        #expect(error?.message.hasSuffix("cannot trust \(folder)/open: group or others may write it") == true)
        #expect(
            refusal { () throws(SkiffError) in _ = try trusting.openDirectory(folder + "/open/inside", cure: "Cure") }
                != nil)
    }
}
