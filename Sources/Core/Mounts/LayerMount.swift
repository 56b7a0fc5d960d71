import Base
import CLinux
import Linux

/// Mounts a file system in a file, and finds the directories in it that are a layer.
struct LayerMount {
    let plan: Plan
    let image: ServedLayer
    /// Among `Plan.served`.
    let index: Int
    let session: CInt

    /// Paths for overlayfs, and the descriptors that they go through.
    struct Found {
        var layer: String
        var work: String?
        var descriptors: [CInt] = []
    }

    /// - Parameter place: an empty directory of the session.
    func attach(at place: String, _ links: ChildLinks) throws(SkiffError) -> Found {
        try mount(at: place, links)
        return try directories(in: place)
    }

    /// - Parameter place: an empty directory of the session.
    func mount(at place: String, _ links: ChildLinks) throws(SkiffError) {
        switch image.driver {
        case .loop: try loop(place)
        case .server:
            guard let control = links.layers[index] else { throw unserved }
            try fuse(place, [], over: control, ImageServerMessage.mounted.rawValue)
        case .plugin(let service):
            guard let serving = links.serving else { throw unserved }
            try fuse(place, service.options, over: serving, UInt8(truncatingIfNeeded: index))
            // If a plugin fails, the parent says so.
            guard (try? receiveMessage(over: serving))?.bytes.isEmpty == false else { _exit(255) }
        case nil: throw unserved
        }
    }

    private var unserved: SkiffError { SkiffError("cannot mount \(image.path): nobody serves it") }

    private var flags: UInt {
        UInt(MS_NODEV) | UInt(MS_NOSUID) | (image.isWritable ? 0 : UInt(MS_RDONLY))
    }

    private func loop(_ place: String) throws(SkiffError) {
        do throws(Errno) {
            let loop = try makeLoop(
                over: image.file, offset: image.range.offset, size: image.range.size, writable: image.isWritable,
                below: image.loopLimit)
            let isExt = image.filesystem.hasPrefix("ext")
            // A journal cannot be replayed on a device that is read-only.
            let data = isExt ? "errors=remount-ro" + (image.isWritable ? "" : ",noload") : ""
            let sync = image.isSynchronous ? UInt(MS_SYNCHRONOUS) : 0
            try mountFilesystem(
                isExt ? "ext4" : image.filesystem, source: loop.path, at: place, flags: flags | sync, data: data)
        } catch {
            let limit = "The configuration allows loop devices below number \(image.loopLimit) (max loop devices)"
            let isDamaged = error == .invalidArgument || error == .ioError
            let hint: String? =
                switch error {
                case .noSpace: limit
                case .noSuchDevice: "This kernel has no \(image.filesystem)"
                default: isDamaged ? "The image is damaged, or this kernel cannot read it" : nil
                }
            throw SkiffError("cannot mount \(image.path)", errno: error, hint: hint)
        }
    }

    /// The descriptor goes to the server, and is kept by nobody else: see `ImageMount.server`.
    private func fuse(_ place: String, _ options: [String], over control: CInt, _ word: UInt8) throws(SkiffError) {
        try during("cannot mount \(image.path)") { () throws(Errno) in
            let fuse = try mountFuse(at: place, flags: flags, options: options)
            try sendMessage([word], descriptor: fuse.raw, over: control)
        }
    }

    /// No link of the image is followed, neither now nor by overlayfs, which gets paths of descriptors: as root it would lead
    /// to a directory of the host.
    private func directories(in place: String) throws(SkiffError) -> Found {
        let found = try during("cannot use \(image.path) as a layer") { () throws(Errno) in
            let top = try open(place, SKL_O_PATH | O_DIRECTORY, at: session)
            // overlayfs copies owner and mode from the inode, and FUSE knows those of the root only when it has asked.
            _ = try status(of: top.raw)
            guard image.isWritable else {
                guard let name = image.directory, let layer = try? directory(name, in: top.raw) else {
                    return Found(layer: place)
                }
                return Found(layer: path(layer), descriptors: [layer])
            }
            var opened: [CInt] = []
            for name in [image.directory, image.work].compactMap({ $0 }) {
                if (try? makeDirectory(name, mode: 0o755, at: top.raw)) != nil {
                    Log.verbose("made \(name) in \(image.path)")
                }
                opened.append(try directory(name, in: top.raw))
            }
            return Found(layer: path(opened[0]), work: path(opened[1]), descriptors: opened)
        }
        return found
    }

    private func directory(_ name: String, in top: CInt) throws(Errno) -> CInt {
        try open(name, SKL_O_PATH | O_DIRECTORY | O_NOFOLLOW, at: top).release()
    }

    private func path(_ descriptor: CInt) -> String { "/proc/self/fd/\(descriptor)" }
}
