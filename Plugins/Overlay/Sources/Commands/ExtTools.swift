import PluginAPI
import PluginKit

/// The programs that make, check and resize ext file systems. They get the file as descriptor 3, so that no name is read
/// twice, and a limit, so that nothing behind the file system is ever written.
struct ExtTools {
    let session: Session

    private func find(_ name: String, _ package: String = "e2fsprogs") throws(PluginError) -> String {
        if let path = try session.findProgram(name) { return path }
        throw PluginError(
            "cannot find \(name)\nIt is in the package \(package)", status: SKIFF_E_UNSUPPORTED)
    }

    /// Makes a file system in a part of a file that is zero there.
    ///
    /// - Parameters:
    ///   - skeleton: the directory that becomes its root.
    ///   - asRoot: whether the caller's files belong to root in it.
    func make(
        _ type: String, in descriptor: Int32, offset: Int64, size: Int64, skeleton: String, asRoot: Bool
    ) throws(PluginError) {
        var words = ["-t", type, "-q", "-F"]
        if offset > 0 { words += ["-E", "offset=\(offset)"] }
        words += ["-d", skeleton, Self.file, "\(size >> 10)k"]
        var program = try find("mke2fs")
        if asRoot {
            words = ["--user", "--map-root-user", program] + words
            program = try find("unshare", "util-linux")
        }
        let (status, said) = try runSilently(program, words, descriptor, limit: offset + size)
        if status == 0 { return }
        let hint = asRoot ? "\n--fakeroot needs user namespaces" : ""
        throw PluginError("cannot make the \(type) file system: \(said)\(hint)", status: SKIFF_E_SYSTEM)
    }

    /// Looks for errors, and changes nothing.
    /// - Returns: whether there are none.
    func check(_ descriptor: Int32, offset: Int64) throws(PluginError) -> Bool {
        let status = try session.run(
            try find("e2fsck"), ["-f", "-n", place(offset)], environment: environment,
            descriptors: [(1, 1), (2, 2), (3, descriptor)])
        // 4: errors were left; 8 may come with it, where it gave up.
        if status == 0 || (1..<16).contains(status) && status & 4 != 0 { return status == 0 }
        throw PluginError("cannot check the file system: e2fsck ended with status \(status)", status: SKIFF_E_SYSTEM)
    }

    /// Replays the journal and repairs what can be repaired.
    /// - Returns: whether something was repaired.
    func repair(_ descriptor: Int32, offset: Int64, size: Int64) throws(PluginError) -> Bool {
        let status = try session.run(
            try find("e2fsck"), ["-f", "-y", place(offset)], environment: environment,
            descriptors: [(1, 1), (2, 2), (3, descriptor)], fileSizeLimit: offset + size)
        if (0...3).contains(status) { return status != 0 }
        throw PluginError("cannot repair the file system: e2fsck ended with status \(status)", status: SKIFF_E_SYSTEM)
    }

    /// Replays the journal, and makes sure that the file system has no errors.
    ///
    /// - Parameter size: of the file system; 0 for one that has a file for itself.
    func settle(_ descriptor: Int32, offset: Int64 = 0, size: Int64 = 0) throws(PluginError) {
        let (status, said) = try runSilently(
            try find("e2fsck"), ["-f", "-p", place(offset)], descriptor, limit: size > 0 ? offset + size : 0)
        if status < 4 { return }
        throw PluginError(
            "cannot go on with an overlay that has errors: \(said)\nskiff overlay repair mends them",
            status: SKIFF_E_SYSTEM)
    }

    /// Packs the layer of a file system as squashfs.
    ///
    /// - Parameter target: an empty file.
    func seal(_ descriptor: Int32, offset: Int64, size: Int64, into target: Int32) throws(PluginError) {
        let program = try session.directory("libexec") + "/skiff-seal"
        let (status, said) = try runSilently(
            program, ["\(offset)", "\(size)"], descriptor, more: [(4, target)])
        if status == 0 { return said.isEmpty ? () : Kit.log(.warning, said) }
        throw PluginError("cannot seal the overlay: \(said)", status: SKIFF_E_SYSTEM)
    }

    /// Changes the size of a file system that has a file for itself, since resize2fs cuts the file off at its end.
    func resize(_ descriptor: Int32, to size: Int64) throws(PluginError) {
        let (status, said) = try runSilently(try find("resize2fs"), [Self.file, "\(size >> 10)K"], descriptor)
        if status == 0 { return }
        throw PluginError("cannot resize the file system: \(said)", status: SKIFF_E_SYSTEM)
    }

    /// Runs a program whose words count only when it fails.
    /// - Returns: its status, and the last line that it wrote to standard error, if any.
    private func runSilently(
        _ program: String, _ words: [String], _ descriptor: Int32, limit: Int64 = 0,
        more: [(inside: Int32, fd: Int32)] = []
    ) throws(PluginError) -> (status: Int32, said: String) {
        let errors: HostFile
        do throws(SystemError) {
            errors = try HostFile(inMemory: "stderr")
        } catch {
            throw PluginError("cannot make a file in memory", error)
        }
        let status = try session.run(
            program, words, environment: environment, descriptors: [(2, errors.descriptor), (3, descriptor)] + more,
            fileSizeLimit: limit)
        let bytes = (try? Host.read(errors.descriptor, at: 0, count: 4096)) ?? []
        let last = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).last.map(String.init)
        return (status, last ?? (status == 0 ? "" : "\(program) ended with status \(status)"))
    }

    private static let file = "/proc/self/fd/3"

    private func place(_ offset: Int64) -> String { Self.file + (offset > 0 ? "?offset=\(offset)" : "") }

    /// Messages that do not depend on the user's language.
    private let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]
}
