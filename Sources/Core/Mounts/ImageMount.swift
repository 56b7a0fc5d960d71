import Base
import CLinux
import Linux

/// Mounts the image on the session's `image`, in one of the ways a plan can choose.
struct ImageMount {
    let plan: Plan
    let session: CInt

    private var flags: UInt {
        var flags = UInt(MS_NODEV)
        if !plan.privileges.allowSetuid { flags |= UInt(MS_NOSUID) }
        if !plan.image.writable { flags |= UInt(MS_RDONLY) }
        return flags
    }

    private var attributes: MountAttributes {
        var attributes: MountAttributes = [.noDev]
        if !plan.privileges.allowSetuid { attributes.insert(.noSuid) }
        if !plan.image.writable { attributes.insert(.readOnly) }
        return attributes
    }

    /// Mounts a directory of the host by a recursive bind, because locked mounts below it cannot be left out.
    func directory(_ trees: SourceTrees) throws(SkiffError) {
        do throws(Errno) {
            guard let tree = trees.takeImage() else { throw .noSuchFile }
            try restrict(tree.raw, attributes)
            try attach(tree, at: "image", in: session)
        } catch {
            throw SkiffError("cannot use directory \(plan.image.path) as the root file system", errno: error)
        }
    }

    /// Mounts with the kernel's own driver, on a loop device that frees itself: loop(4).
    func loop(_ image: CInt) throws(SkiffError) {
        do throws(Errno) {
            let loop = try makeLoop(
                over: image, offset: plan.image.range.offset, size: plan.image.range.size,
                writable: plan.image.writable,
                below: plan.image.loopLimit)
            let type = plan.image.filesystem == .ext3 ? "ext4" : plan.image.filesystem.rawValue
            // A journal cannot be replayed on a device that is read-only.
            let data = type == "ext4" ? "errors=remount-ro" + (plan.image.writable ? "" : ",noload") : ""
            let sync = plan.image.isSynchronous ? UInt(MS_SYNCHRONOUS) : 0
            try mountFilesystem(type, source: loop.path, at: "image", flags: flags | sync, data: data)
        } catch {
            let limit = "The configuration allows loop devices below number \(plan.image.loopLimit) (max loop devices)"
            let isDamaged = error == .invalidArgument || error == .ioError
            throw SkiffError(
                "cannot mount image \(plan.image.path)", errno: error,
                hint: error == .noSpace
                    ? limit : isDamaged ? "The image is damaged, or this kernel cannot read it" : nil)
        }
    }

    /// Mounts with the kernel's squashfs what it decrypts.
    func device(_ path: String) throws(SkiffError) {
        do throws(Errno) {
            try mountFilesystem("squashfs", source: path, at: "image", flags: flags)
        } catch {
            throw SkiffError(
                "cannot mount image \(plan.image.path)", errno: error,
                hint: "The image is damaged, or this kernel cannot read it")
        }
    }

    /// Mounts with our FUSE server; fuse(4) and Documentation/filesystems/fuse.rst. The connection belongs to the user
    /// namespace that opens /dev/fuse, so the device is opened here, handed to the server, and kept by nobody else.
    func server(control: CInt) throws(SkiffError) {
        do throws(Errno) {
            let fuse = try mountFuse(at: "image", flags: flags)
            LaunchStep.fuseMounted.reached()
            try sendMessage([ImageServerMessage.mounted.rawValue], descriptor: fuse.raw, over: control)
        } catch {
            throw SkiffError(
                "cannot mount image \(plan.image.path)", errno: error,
                hint: (FuseAdvice.problem()?.cure ?? "The image server needs /dev/fuse with mode 0666")
                    + "; without it use --unsquash")
        }
    }
}

/// Mounts a file system of FUSE; fuse(4).
/// - Returns: the descriptor that whoever serves it must get, and nobody else may keep.
func mountFuse(at place: String, flags: UInt, options: [String] = []) throws(Errno) -> OwnedFD {
    let fuse = try open("/dev/fuse", O_RDWR)
    let own = [
        "fd=\(fuse.raw)", "rootmode=40000", "user_id=\(effectiveUID())", "group_id=\(effectiveGID())", "allow_other",
        "default_permissions",
    ]
    try mountFilesystem(
        "fuse", source: "skiff", at: place, flags: flags, data: (own + options).joined(separator: ","))
    return fuse
}
