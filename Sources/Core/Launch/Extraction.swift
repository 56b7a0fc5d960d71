package import Base
import CLinux
import Linux

/// An image that cannot be mounted, unpacked by `skiff-image` into a private directory that is removed with the
/// container.
///
/// The directory is locked while its monitor lives; the next command that extracts removes the ones it finds unlocked,
/// left by a monitor that was killed (Docs/decisions/005).
package struct Extraction: ~Copyable {
    private static let prefix = "skiff-rootfs-"
    /// `TMPDIR/skiff-rootfs-…`, with the root file system in `root`.
    let directory: String
    private let lock: OwnedFD

    /// Returns a free name for the directory, chosen with the plan.
    static func newDirectory(_ request: Request, _ host: HostFacts) -> String {
        let parent = request.temporaryDirectory ?? host.temporaryDirectory
        return "\(absolutePath(parent, in: host.directory))/\(prefix)\(host.uid)-\(randomName())/root"
    }

    private static func randomName() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }

    /// Makes the directory and locks it.
    private init(_ image: RootImage) throws(SkiffError) {
        let path = parentPath(image.directory) ?? image.directory
        let held = try during("cannot make directory \(path)", hint: "Set APPTAINER_TMPDIR to a directory with room") {
            () throws(Errno) in
            try makeDirectory(path, mode: 0o700)
            let lock = try open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            // A sweep that looks at it lets go at once: it is too new to be a leftover.
            try Linux.lock(lock.raw)
            try makeDirectory(image.directory, mode: 0o755)
            return lock
        }
        directory = path
        lock = held
    }

    enum Outcome: ~Copyable {
        case unpacked(Extraction)
        /// By a signal that ends the launch; nothing is left behind.
        case interrupted(CInt)
    }

    /// Unpacks the file system of the open image. All signals must be blocked.
    static func unpack(_ image: RootImage, file: CInt, installation: Installation) throws(SkiffError) -> Outcome {
        let parent = image.directory.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }
        // Where others could rename our directories to such names, they would choose what is swept.
        try TemporaryDirectory.check(parent.isEmpty ? "/" : parent)
        _ = leftovers(in: parent, removing: true)
        Log.info("Converting SIF file to temporary sandbox...")
        let extraction = try Extraction(image)
        let words = [
            "skiff-image", "__extract", "--filesystem", image.filesystem.rawValue, "--offset",
            String(image.range.offset), "--size",
            String(image.range.size), image.directory,
        ]
        let ended = try during("cannot start \(installation.imageTool)") { () throws(Errno) in
            let pid = try spawn(
                installation.imageTool, words, environment: environmentStrings(), descriptors: [(3, file)],
                deathSignal: SIGKILL)
            return try waitForHelper(pid)
        }
        if case .signaled(let signal) = ended, endsLaunch(signal) { return .interrupted(signal) }
        guard ended == .exited(0) else {
            throw SkiffError("cannot extract image \(image.path)", hint: "See the message above")
        }
        return .unpacked(extraction)
    }

    private borrowing func remove() {
        do throws(Errno) {
            try removeTree(directory)
        } catch {
            Log.warning("cannot remove \(directory): \(error)")
        }
    }

    /// Called when the container has ended: the directory is removed. When the launch fails, `deinit` does it.
    consuming func finish() {}

    deinit { remove() }

    /// In seconds; younger directories may not be locked yet.
    private static let ageOfLeftOnes: Int64 = 60

    /// Returns what killed monitors of the same user left behind, and removes it when asked to.
    package static func leftovers(in parent: String, removing: Bool) -> [String] {
        guard let listing = try? open(parent, O_RDONLY | O_DIRECTORY), let found = try? entries(of: listing.raw) else {
            return []
        }
        var left: [String] = []
        for entry in found where entry.text.hasPrefix("\(prefix)\(effectiveUID())-") {
            guard let old = try? open(entry.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, at: listing.raw),
                let state = try? status(of: old.raw), state.uid == effectiveUID(), (try? tryLock(old.raw)) == true,
                (try? status("root", at: old.raw)) != nil || state.modified + ageOfLeftOnes < currentTime()
            else { continue }
            left.append("\(parent)/\(entry.text)")
            if removing { try? removeTree(entry.text, at: listing.raw) }
        }
        return left
    }
}

/// Where temporary files go (Docs/spec/cli.md §2.3).
package enum TemporaryDirectory {
    private static let tmpfsMagic: UInt64 = 0x0102_1994

    /// Refuses a directory in which somebody else could replace what this process makes.
    package static func check(_ path: String) throws(SkiffError) {
        try PrivateFiles.current.check(
            holder: path, cure: "Set APPTAINER_TMPDIR to a directory of yours, or to one like /tmp, with the sticky bit"
        )
    }

    /// `$TMPDIR`, else /tmp, else /var/tmp when /tmp is in memory.
    package static func standard() -> String {
        if let path = environmentValue("TMPDIR"), !path.isEmpty { return path }
        return (try? filesystemType(of: "/tmp")) == tmpfsMagic ? "/var/tmp" : "/tmp"
    }
}
