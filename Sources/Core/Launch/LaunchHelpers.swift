import Base
import CLinux
import Linux

/// What a plan needs besides the child: an unpacked image, skiff-root, the image server. Each owner ends its own
/// helper, the last one first.
struct LaunchHelpers: ~Copyable {
    /// With the descriptors that lead to the helpers.
    private(set) var links: ChildLinks
    private var extraction: Extraction?
    private var supervisor: SupervisorLink?
    private var handover: OwnedFD?
    private var server: ImageServerLink?
    /// Until the child has it, too.
    private var device: MappedDevice?
    /// Of squashfs in layers and binds.
    private var layers: [LayerServer] = []

    /// With no helper started yet.
    init(_ plan: Plan) { links = ChildLinks(plan.root) }

    /// Starts the helpers; all signals must be blocked, so that none can leave one behind.
    /// - Returns: a signal that ended the command while the image was unpacked.
    mutating func start(_ launcher: Launcher, image: CInt?) throws(SkiffError) -> CInt? {
        let (plan, installation) = (launcher.plan, launcher.installation)
        if plan.image.driver == .extracted, let image {
            switch try Extraction.unpack(plan.image, file: image, installation: installation) {
            case .unpacked(let made): extraction = consume made
            case .interrupted(let signal): return signal
            }
        }
        if plan.root?.supervisor == .own {
            let started = try SupervisorLink.start(installation)
            let socket = try started.handover()
            links.supervisor = socket.raw
            handover = consume socket
            supervisor = consume started
        }
        if [.server, .deviceMapper].contains(plan.image.driver), let image { try open(image, launcher) }
        for (index, image) in plan.served.enumerated() {
            guard let image, case .server(let owner)? = image.driver else { continue }
            let started = LayerServer(
                try ImageServerLink.start(
                    installation, image.range, owner: owner, file: image.file, isLayer: index < plan.layers.count))
            links.layers[index] = started.control
            layers.append(started)
        }
        return nil
    }

    /// Has the image decrypted by the kernel, or served.
    private mutating func open(_ image: CInt, _ launcher: Launcher) throws(SkiffError) {
        let plan = launcher.plan
        // First of all that is started: the user may have to type a passphrase.
        let volume = try plan.image.encryption.map { (encryption) throws(SkiffError) in
            (encryption, try launcher.plugins.unlock(encryption, of: plan.image.path, file: image))
        }
        if plan.image.driver == .deviceMapper, let volume {
            if let made = try EncryptedDevice.make(of: image, volume.0, volume.1, launcher) {
                links.device = made.path
                device = consume made
                return
            }
        }
        let started = try ImageServerLink.start(
            launcher.installation, plan.image.range, owner: plan.image.owner, file: image, volume: volume)
        links.server = started.control.raw
        server = consume started
    }

    /// Closes what the child has of its own now: a way to skiff-root, an image. By an explicit call: the optimizer ends a value that is
    /// merely dropped already before the child is made.
    mutating func childIsMade() {
        try? handover.take()?.close()
        _ = device.take()
    }

    /// Descriptors that lead to the helpers.
    var descriptors: [CInt] {
        var result: [CInt] = []
        switch supervisor {
        case .some(let link): result.append(link.control.raw)
        case .none: break
        }
        switch server {
        case .some(let link): result.append(link.control.raw)
        case .none: break
        }
        return result + layers.map(\.control)
    }

    /// The directory that goes with the container; nil when the image is mounted.
    var directory: String? {
        switch extraction {
        case .some(let unpacked): unpacked.directory
        case .none: nil
        }
    }

    mutating func shutDown(after status: ExitStatus) {
        server.take()?.shutDown(after: status)
        for layer in layers { layer.shutDown(after: status) }
        layers = []
        supervisor.take()?.shutDown()
        extraction.take()?.finish()
    }
}

/// The image server of a layer. A class, because there is no list of move-only values.
private final class LayerServer {
    private var link: ImageServerLink?
    let control: CInt

    init(_ link: consuming ImageServerLink) {
        control = link.control.raw
        self.link = consume link
    }

    func shutDown(after status: ExitStatus) { link.take()?.shutDown(after: status) }
}
