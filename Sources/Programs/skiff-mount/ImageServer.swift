import Base
import CFuse
import CLinux
import Core
package import Linux
import PluginHost
import Squashfs

/// The program: one image, one mount, from the spawn by skiff to the last unmount.
package enum ImageServer {
    /// What the command line says.
    package struct Arguments: Equatable, Sendable {
        /// Where the image lies in the file.
        package var range = ByteRange.whole
        /// The owner that all files appear to have, as an id of the user namespace that mounts; nil for the image's
        /// owners.
        package var uid: UInt32?
        package var gid: UInt32?
        /// Whether it is a layer of an overlay.
        package var isLayer = false
        /// Of an encrypted image: its kind, and the id of the plugin that decrypts it.
        package var filesystem: Int32?
        package var plugin: String?

        /// - Returns: nil for anything but these seven in the form `--offset N`, for a number that does not fit, and for one
        ///   of the last two alone.
        package init?(_ words: [String]) {
            var rest = words[...]
            while let flag = rest.popFirst() {
                guard let text = rest.popFirst() else { return nil }
                if flag == "--plugin" {
                    plugin = text
                    continue
                }
                guard let value = Int64(text), value >= 0 else { return nil }
                let id = UInt32(exactly: value)
                switch flag {
                case "--uid" where id != nil: uid = id
                case "--gid" where id != nil: gid = id
                case "--offset": range.offset = value
                case "--size": range.size = value
                case "--layer": isLayer = value != 0
                case "--filesystem": filesystem = Int32(exactly: value)
                default: return nil
                }
            }
            if (filesystem == nil) != (plugin == nil) { return nil }
        }
    }

    private static let imageDescriptor: CInt = 3
    private static let controlDescriptor: CInt = 4

    /// Runs the server and returns the exit status.
    package static func run(_ words: [String]) -> CInt {
        detach()
        let control = Control(socket: controlDescriptor)
        guard let arguments = Arguments(words) else {
            control.refuse("skiff-mount is started by skiff only")
            return 1
        }
        let source: any ByteSource
        do throws(SkiffError) {
            source = try openSource(arguments, control)
        } catch {
            control.refuse(error.description)
            return 1
        }
        do throws(SquashfsError) {
            let loop = ServingLoop(limit: min(allowedCPUs(), 8))
            let reader = try openImage(source, loop)
            let server = FileServer(reader, uid: arguments.uid, gid: arguments.gid, isLayer: arguments.isLayer)
            return serve(server, loop, control)
        } catch {
            control.refuse(error.description)
            return 1
        }
    }

    private static func openSource(_ arguments: Arguments, _ control: Control) throws(SkiffError) -> any ByteSource {
        let file = OwnedFD(adopting: imageDescriptor)
        if let filesystem = arguments.filesystem, let plugin = arguments.plugin {
            let volume = EncryptedVolume(filesystem: SIFFilesystem(rawValue: filesystem), range: arguments.range)
            return try EncryptedSource.open(volume, file: file, plugin: plugin) { () throws(SkiffError) in
                guard let key = control.waitForKey() else { throw SkiffError("cannot read the image: no key has come") }
                return key
            }
        }
        do throws(Errno) {
            return try FileSource(file, arguments.range)
        } catch {
            throw SkiffError(SquashfsError.kernel(error).description)
        }
    }

    private static func openImage(_ source: any ByteSource, _ loop: ServingLoop) throws(SquashfsError) -> SquashfsReader
    {
        let reader = try SquashfsReader(source, willLoad: { loop.handOver() })
        // What the kernel asks for first, decoded while the container is still being set up.
        _ = try reader.entries(of: reader.root())
        return reader
    }

    private static func serve(_ server: FileServer, _ loop: ServingLoop, _ control: Control) -> CInt {
        var table = Operations.table(for: server)
        // The session and the server live until the process ends.
        let context = Unmanaged.passRetained(server).toOpaque()
        var name = Array("skiff-mount\0".utf8).map { CChar(bitPattern: $0) }
        let session = name.withUnsafeMutableBufferPointer { name in
            var argv: [UnsafeMutablePointer<CChar>?] = [name.baseAddress, nil]
            return argv.withUnsafeMutableBufferPointer { argv in
                var arguments = fuse_args(argc: 1, argv: argv.baseAddress, allocated: 0)
                return fuse_session_new(&arguments, &table, MemoryLayout<fuse_lowlevel_ops>.size, context)
            }
        }
        guard let session else {
            control.refuse("cannot start libfuse")
            return 1
        }
        guard let descriptor = control.waitForMount()?.release() else { return 0 }
        // A name of this form tells libfuse that the mount is done and which descriptor serves it.
        guard fuse_session_mount(session, "/dev/fd/\(descriptor)") == 0 else {
            control.refuse("cannot use the FUSE descriptor")
            return 1
        }
        server.begin(Readahead(server.reader, node: server.node, session))
        loop.run(
            .init(
                session: session, descriptor: descriptor,
                started: { try? startThread { control.answer(about: descriptor) } },
                ended: {
                    control.sayGone()
                    _exit(0)
                }))
    }

    /// Gives up everything of the caller's that could keep it waiting or reach into this process: terminal, session,
    /// directory, descriptors, signals, and, since an image may be hostile, any privileges gained by exec.
    private static func detach() {
        detachFromCaller(keeping: Array(3...controlDescriptor))
        boundMemory()
    }

    /// Bounds memory: blocks of 128 KiB come and go; by default glibc maps and unmaps each, and keeps a heap for every
    /// thread.
    private static func boundMemory() {
        mallopt(M_MMAP_THRESHOLD, 4 << 20)
        mallopt(M_TRIM_THRESHOLD, 8 << 20)
        // Growing takes the lock that the page faults of all threads need.
        mallopt(M_TOP_PAD, 4 << 20)
        mallopt(M_ARENA_MAX, 2)
    }
}
