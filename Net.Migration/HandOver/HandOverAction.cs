using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Migration.HandOver;

/// <summary>What a hand-over machine asks its host to do, in the order in which it is taken out. "Answer" names the call that reports the end of it.</summary>
internal abstract record HandOverAction;

// Both sides.

/// <summary>Sends a message over the node link; dropped when the link is gone.</summary>
internal sealed record SendAction(HandOverMessage Message) : HandOverAction;

/// <summary>Asks the directory. Answer: <c>OnDirectory</c>, late, twice or never.</summary>
internal sealed record DirectoryAction(OwnershipRequest Request) : HandOverAction;

/// <summary>Runs freeze, export, import and commit once on a dummy, so that no code is compiled inside a freeze. Answer: <c>OnWarmed</c>.</summary>
internal sealed record WarmAction : HandOverAction;

// Source.

/// <summary>Exports and seals every connection while it serves. Answer: <c>OnAheadPart</c> for each part, then <c>OnAheadExported</c>.</summary>
internal sealed record ExportAheadAction : HandOverAction;

/// <summary>Asks every ingress to hold first Initials of the component. Answer: <c>OnInitialsHeld</c> when all have.</summary>
internal sealed record HoldInitialsAction : HandOverAction;

/// <summary>Lets them go again.</summary>
internal sealed record ReleaseInitialsAction : HandOverAction;

/// <summary>Brings running requests to a safe point and holds them there. Answer: <c>OnSafePoint</c>.</summary>
internal sealed record HoldRequestsAction : HandOverAction;

/// <summary>Lets held requests run on.</summary>
internal sealed record ReleaseRequestsAction : HandOverAction;

/// <summary>The grace for handshakes is over: closes those that are not confirmed.</summary>
internal sealed record RefuseHandshakesAction : HandOverAction;

/// <summary>Freezes every connection at a batch boundary of every shard thread. Answer: <c>OnFrozen</c>.</summary>
internal sealed record FreezeAction : HandOverAction;

/// <summary>Behind its last datagrams the source sends each ingress a marker: from there on the ingress buffers.</summary>
internal sealed record SendMarkerAction(ulong Epoch) : HandOverAction;

/// <summary>The source goes on: the ingress passes on what it has buffered.</summary>
internal sealed record SendResumeMarkerAction(ulong Epoch) : HandOverAction;

/// <summary>Exports and seals what changed since the copy. Answer: <c>OnFinalPart</c> for each part, then <c>OnFinalExported</c>.</summary>
internal sealed record ExportFinalAction : HandOverAction;

/// <summary>The frozen connections go on under this epoch; then datagrams that arrived meanwhile are processed.</summary>
internal sealed record ThawAction(ulong Epoch) : HandOverAction;

/// <summary>Destroys the frozen connections and wipes their keys: somebody else owns them.</summary>
internal sealed record DestroyAction : HandOverAction;

/// <summary>Passes on what still arrives, without keys, until the time given.</summary>
internal sealed record ForwardAction(Member To, ulong Epoch, Instant Until) : HandOverAction;

/// <summary>The linger time is over: forgets the forwarding entry.</summary>
internal sealed record EndForwardAction : HandOverAction;

/// <summary>The attempt has ended for who asked for it. The machine may go on (forwarding).</summary>
internal sealed record ReportAction(MigrateReport Report) : HandOverAction;

// Destination.

/// <summary>Checks versions, right to host and room, and keeps the room. Answer: <c>OnReserved</c> or <c>OnRefused</c>.</summary>
internal sealed record ReserveAction(PrepareMessage Prepare) : HandOverAction;

/// <summary>Opens and applies the next part. Answer: <c>OnDecoded</c>, or <c>OnDecodeFailed</c>.</summary>
internal sealed record DecodeAction(PartMessage Part) : HandOverAction;

/// <summary>Builds every connection from the whole image, silently. Answer: <c>OnRestored</c> with the hash of what was opened, or <c>OnDecodeFailed</c>.</summary>
internal sealed record RestoreAction : HandOverAction;

/// <summary>Serves under this epoch: buffered datagrams first, then a probe where there is something to say. Answer: <c>OnResumed</c>.</summary>
internal sealed record ServeAction(ulong Epoch) : HandOverAction;

/// <summary>Destroys and overwrites everything of this attempt: image, keys, restored connections, reservation.</summary>
internal sealed record WipeAction : HandOverAction;
