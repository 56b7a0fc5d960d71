import Base
import Linux

/// Checks for directives of the configuration that matter for a launch and that this version does not carry out. One
/// that forbids ends the command; one that chooses or grants causes a message. A configuration with the default values
/// causes none.
struct DirectiveChecks {
    let request: Request
    let settings: Settings
    let host: HostFacts

    /// Called before anything else is planned.
    /// - Throws: for what must not happen.
    func check() throws(SkiffError) {
        if request.makesUserNamespace(host) && !settings.allowUserNamespace {
            throw SkiffError(
                "cannot make a user namespace: the configuration does not allow it (allow user ns = no)",
                hint: host.uid == 0 ? nil : "Ordinary users need one for every container; root does not")
        }
        if !settings.imageDriver.isEmpty {
            throw SkiffError(
                "cannot use the image driver \(settings.imageDriver): no plugin of this version mounts images",
                hint: "Remove image driver from the configuration")
        }
        try checkNetworks()
    }

    /// The networks of users have no more powers than the users themselves, so everybody may use them unless the administrator
    /// says who and which.
    private func checkNetworks() throws(SkiffError) {
        if let path = request.networkPath, host.uid != 0 {
            let isGranted = settings.allowNetnsPaths.contains(path)
            throw SkiffError(
                "cannot join network namespace \(path): --netns-path requires root",
                hint: isGranted ? "allow netns paths grants it to setuid programs, and skiff has none" : nil)
        }
        guard host.uid != 0 || !host.isInitialUserNamespace, let first = request.networks.first else { return }
        let (users, groups) = (settings.allowNetUsers, settings.allowNetGroups)
        let names = Set(host.groupRecords.map(\.name) + ([host.gid] + host.groups).map(String.init))
        let isNamed =
            users.contains(host.userName) || users.contains(String(host.uid)) || groups.contains(where: names.contains)
        guard users.isEmpty && groups.isEmpty || isNamed else {
            throw SkiffError(
                "cannot use network \(first.name): the configuration allows networks to others only (allow net users, "
                    + "allow net groups)")
        }
        let allowed = settings.allowNetNetworks
        if allowed.isEmpty { return }
        if let other = request.networks.first(where: { !allowed.contains($0.name) }) {
            throw SkiffError(
                "cannot use network \(other.name): the configuration allows users others only (allow net networks = "
                    + allowed.joined(separator: ", ") + ")")
        }
    }

    /// Called when plugins have asked for namespaces. Those of flags that are not allowed were left out before.
    func check(_ namespaces: Namespaces) throws(SkiffError) {
        for (namespace, allowed, name) in [
            (Namespaces.pid, settings.allowPIDNamespace, "pid"), (.ipc, settings.allowIPCNamespace, "ipc"),
            (.uts, settings.allowUTSNamespace, "uts"),
        ] where namespaces.contains(namespace) && !allowed {
            throw SkiffError(
                "cannot make the \(name) namespace that a plugin asks for: the configuration does not allow it "
                    + "(allow \(name) ns = no)")
        }
    }

    /// Called when the layers are known.
    func check(_ draft: PlanDraft) throws(SkiffError) {
        guard settings.enableOverlay == .no, let layer = draft.layers.first else { return }
        throw SkiffError(
            "cannot use an overlay (\(layer.reason)): the configuration does not allow it (enable overlay = no)")
    }

    /// Returns messages about what was chosen and is done in another way.
    func messages(_ draft: PlanDraft, _ root: RootImage) -> [PlanMessage] {
        var result: [PlanMessage] = []
        func tell(_ matters: Bool, _ text: String) { if matters { result.append(.warning(text)) } }
        tell(
            settings.enableOverlay == .driver && (!draft.layers.isEmpty || root.targets == .overlay),
            "enable overlay = driver is not carried out: the kernel makes the overlay")
        tell(
            settings.sharedLoopDevices && root.driver == .loop,
            "shared loop devices = yes is not carried out: every container has a loop device of its own")
        tell(
            settings.memoryFilesystem == .ramfs && settings.sessionSizeMiB != Settings().sessionSizeMiB
                && host.uid != 0,
            "sessiondir max size = \(settings.sessionSizeMiB) is not carried out: a ramfs has no limit")
        tell(
            settings.allowMonitoring,
            "allow monitoring = yes is not carried out: nothing is reported to \(settings.monitoringSocketPath)")
        return result
    }
}
