package import Base
package import Core
import Linux
import PluginAPI

/// `skiff.container/2`.
extension PluginRun {
    package func created(_ place: ContainerPlace) throws(SkiffError) {
        for session in sessions { try session.call("created", session.plugin.container.created, in: place) }
    }

    package func received(_ message: [UInt8]) throws(SkiffError) {
        guard let number = message.first, let session = sessions.first(where: { $0.number == number }),
            let slot = session.plugin.container.message
        else { return }
        try session.callWithClosedPlan("message") {
            message.dropFirst().withUnsafeBytes {
                slot(session.plugin.object, session.pointer, $0.baseAddress, UInt64($0.count))
            }
        }
    }

    package func running(_ place: ContainerPlace) throws(SkiffError) {
        for session in sessions { try session.call("running", session.plugin.container.running, in: place) }
    }
}

extension Session {
    typealias ContainerSlot =
        @convention(c) (UnsafePointer<skiff_plugin>?, OpaquePointer?, UnsafePointer<skiff_place>?) -> Int32

    /// Calls a slot of `skiff.container/2`, if there is one.
    func call(_ station: String, _ slot: ContainerSlot?, in place: ContainerPlace) throws(SkiffError) {
        guard let slot else { return }
        try withPlace(place) { lent throws(SkiffError) in
            try callWithClosedPlan(station) { slot(plugin.object, pointer, lent) }
        }
    }

    /// The plan is closed, as in `started`.
    fileprivate func callWithClosedPlan(_ station: String, _ body: () -> Int32) throws(SkiffError) {
        try ProcessCare.current?.renew(ownsChildren: false)
        try during(.started) { () throws(SkiffError) in _ = try plugin.call(station, body) }
        try plugin.manifest.lookAtProcess(after: station)
    }
}

/// Lends a place for one call.
func withPlace(
    _ place: ContainerPlace, _ body: (UnsafePointer<skiff_place>) throws(SkiffError) -> Void
) throws(SkiffError) {
    var lent = skiff_place(place)
    try withUnsafePointer(to: &lent) { pointer throws(SkiffError) in try body(pointer) }
}
