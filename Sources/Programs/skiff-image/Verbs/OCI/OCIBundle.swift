import Base
import CLinux
import Core
import Linux

/// A directory with a config.json and a root file system.
struct OCIBundle {
    /// Absolute.
    let path: String
    /// Tells that `mount` has made this directory, and of which image.
    private static let mark = ".skiff-oci-mount"

    init(_ path: String) throws(SkiffError) {
        guard !path.isEmpty else { throw SkiffError("cannot use the bundle: its path is empty") }
        self.path = try absolutePath(path)
    }

    /// Whether its program wants a terminal.
    func hasTerminal() throws(SkiffError) -> Bool {
        let file = path + "/config.json"
        let bytes = try during("cannot use bundle \(path): it has no config.json that can be read") {
            () throws(Errno) in
            // Should it be a pipe, nobody is waited for.
            let opened = try open(file, [.read, .nonBlocking])
            return try readToEnd(opened.raw, limit: 16 << 20)
        }
        do throws(JSONReader.Malformed) {
            return try JSONReader.read(bytes)["process"]?["terminal"] == .bool(true)
        } catch {
            throw SkiffError("cannot use bundle \(path): config.json is \(error)")
        }
    }

    // MARK: mount

    /// Mounts the file system of an image as the lower layer of `rootfs`.
    func mount(_ name: String, _ settings: Settings) throws(SkiffError) {
        let image = try openImage(name, writable: false)
        guard let root = image.root, let filesystem = RootFilesystem(root.filesystem) else {
            throw SkiffError(
                "cannot mount \(image.path): "
                    + (image.isEncrypted ? "it is encrypted" : "it is no image file with squashfs or ext3"))
        }
        let trusted = filesystem == .squashfs ? settings.allowKernelSquashfs : settings.allowKernelExtfs
        guard trusted else {
            throw SkiffError(
                "cannot mount \(image.path): skiff.conf does not let the kernel mount it "
                    + "(allow kernel \(filesystem == .squashfs ? "squashfs" : "extfs"))")
        }
        let isNew = try makeDirectories(image.path)
        do throws(SkiffError) {
            try mount(image.descriptor.raw, root.range, filesystem, settings.maxLoopDevices, image.path)
            try writeConfiguration()
        } catch {
            unmountAll()
            try? removeContents()
            if isNew { try? removeDirectory(path) }
            throw error
        }
    }

    /// Makes the directories, and the bundle the current one: whoever owns the directory above it can put another in its place.
    /// - Returns: whether the bundle is new. Set-user-ID programs of an image are nobody's affair on the host.
    private func makeDirectories(_ image: String) throws(SkiffError) -> Bool {
        do throws(Errno) {
            let isNew = (try? makeDirectory(path, mode: 0o700)) != nil
            let top = try open(path, O_RDONLY | O_DIRECTORY)
            guard try entries(of: top.raw).isEmpty else { throw .notEmpty }
            if try !Self.isRootsAlone(top.raw) {
                try Linux.fchown(top.raw, 0, 0)
                try Linux.fchmod(top.raw, 0o700)
                guard try entries(of: top.raw).isEmpty else { throw .notEmpty }
            }
            try changeDirectory(top.raw)
            // First, so that `unmount` takes back what is left when this is killed.
            try writeFile(Self.mark, Array((image + "\n").utf8), mode: 0o600, exclusive: true)
            for name in ["rootfs", "volumes"] { try makeDirectory(name, mode: 0o755) }
            try makeDirectory("overlay", mode: 0o700)
            for name in ["overlay/upper", "overlay/work"] { try makeDirectory(name, mode: 0o755) }
            return isNew
        } catch {
            throw SkiffError(
                "cannot make bundle \(path)", errno: error,
                hint: error == .notEmpty ? "Name a directory that is empty, or that is not there yet" : nil)
        }
    }

    private func mount(
        _ file: Int32, _ range: ByteRange, _ filesystem: RootFilesystem, _ limit: Int, _ image: String
    ) throws(SkiffError) {
        try during("cannot mount \(image) on \(path)/rootfs") { () throws(Errno) in
            let loop = try makeLoop(over: file, offset: range.offset, size: range.size, writable: false, below: limit)
            let isExt = filesystem == .ext3
            let flags = UInt(MS_NODEV) | UInt(MS_NOSUID)
            try mountFilesystem(
                isExt ? "ext4" : "squashfs", source: loop.path, at: "rootfs", flags: flags | UInt(MS_RDONLY),
                data: isExt ? "errors=remount-ro,noload" : "")
            // Relative names: a comma or colon of the path means nothing.
            try mountFilesystem(
                "overlay", source: "overlay", at: "rootfs", flags: flags,
                data: "lowerdir=rootfs,upperdir=overlay/upper,workdir=overlay/work")
        }
    }

    private func writeConfiguration() throws(SkiffError) {
        try during("cannot write \(path)/config.json") { () throws(Errno) in
            let root = TreeRoot(adopting: try open("rootfs", [.pathOnly, .directory]))
            let program = ["/.singularity.d/actions/run", "/.singularity.d/runscript"].first {
                root.exists(TreePath($0))
            }
            let text = OCIConfiguration(root: path + "/rootfs", program: program ?? "/bin/sh").json.text(indent: "\t")
            try writeFile("config.json", Array((text + "\n").utf8), mode: 0o600, exclusive: true)
        }
    }

    private static func isRootsAlone(_ directory: CInt) throws(Errno) -> Bool {
        let facts = try status(of: directory)
        return facts.uid == 0 && facts.permissions & 0o022 == 0
    }

    // MARK: umount

    /// - Parameter runtime: nil where none is installed.
    func unmount(_ runtime: OCIRuntime?) throws(SkiffError) {
        guard try enter() else { throw SkiffError("cannot unmount \(path): 'oci mount' has not made it") }
        // They have mount namespaces of their own: the kernel would not mind.
        if let user = try runtime?.users(of: path).first {
            throw SkiffError(
                "cannot unmount \(path): container \(user) uses it", hint: "End it first: oci kill, oci delete")
        }
        try during("cannot unmount \(path)/rootfs") { () throws(Errno) in
            // The overlay and, below it, the image; none after a restart of the machine.
            while try isMountPoint() { try Linux.unmount("rootfs", detach: false) }
        }
        try during("cannot remove \(path)") { () throws(Errno) in
            try removeContents()
            try removeDirectory(path)
        }
    }

    /// Makes a bundle the current directory.
    /// - Returns: false for what `mount` has not made, and for what somebody else could have made look so.
    private func enter() throws(SkiffError) -> Bool {
        try during("cannot unmount \(path)") { () throws(Errno) in
            let top = try open(path, O_RDONLY | O_DIRECTORY)
            try changeDirectory(top.raw)
            guard try Self.isRootsAlone(top.raw) else { return false }
            return (try? status(Self.mark, follow: false)) != nil
        }
    }

    // MARK: both, in the bundle

    private func unmountAll() {
        while (try? isMountPoint()) == true {
            guard (try? Linux.unmount("rootfs", detach: true)) != nil else { return }
        }
    }

    private func isMountPoint() throws(Errno) -> Bool {
        try status("rootfs", follow: false).device != status(".").device
    }

    /// Only what `mount` has made, its mark last. Never called while something is mounted there: nothing of the image is removed.
    private func removeContents() throws(Errno) {
        guard (try? isMountPoint()) != true else { throw Errno(EBUSY) }
        for name in ["rootfs", "overlay", "volumes", "config.json", Self.mark] { try removeTree(name) }
    }
}

extension JSONText {
    /// A member of an object.
    subscript(name: String) -> JSONText? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }
}
