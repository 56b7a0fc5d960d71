import PluginAPI
import PluginKit

/// `overlay check` and `overlay repair`: e2fsck on the overlay where it lies.
struct OverlayCheck {
    private let session: Session
    private let tools: ExtTools

    init(_ session: Session) { (self.session, tools) = (session, ExtTools(session: session)) }

    func check(_ image: String) throws(PluginError) {
        let file = try OverlayFile(image, session, "check", isChanged: false)
        defer { file.edit?.close() }
        guard try tools.check(file.descriptor, offset: file.offset) else {
            throw PluginError(
                "the overlay of \(image) has errors\nRepair it with: skiff overlay repair \(image)",
                status: SKIFF_E_SYSTEM)
        }
    }

    func repair(_ image: String) throws(PluginError) {
        let file = try OverlayFile(image, session, "repair", isChanged: true)
        defer { file.edit?.close() }
        try file.edit?.refuseSigned(image, "could not repair its overlay")
        let isRepaired = try tools.repair(file.descriptor, offset: file.offset, size: file.size)
        do throws(SystemError) {
            try Host.synchronize(file.descriptor)
        } catch {
            throw PluginError("cannot write \(image)", error)
        }
        Kit.log(.info, isRepaired ? "The overlay of \(image) was repaired" : "The overlay of \(image) is clean")
    }
}
