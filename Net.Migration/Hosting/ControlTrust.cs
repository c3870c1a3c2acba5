using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Time;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Who may speak with an ingress, and the federation's keys, which rotate when somebody is removed.</summary>
/// <remarks>
/// Every ingress may take the next step of a rotation, and the store lets one of them do it. The keys themselves say which step is next:
/// <code>
/// tags          meaning                                             next
/// old, new      everybody opens both, and writes the old one        new, old
/// new, old      everybody opens both, and writes the new one        new
/// new           what the removed member could write is dropped      -
/// </code>
/// so that no datagram is lost while some have heard and others have not. Connection IDs and reset tokens of connections that exist stay
/// derived from the keys they were made with; tokens and tickets under them are not taken any more.
/// </remarks>
internal sealed class ControlTrust
{
    /// <summary>From one step of a rotation to the next: a message to every node takes much less.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    private readonly IFederationSecrets _secrets;
    private readonly X509Certificate2Collection _authorities;
    private readonly Action<string> _log;
    private string? _seen;
    private Roster? _stored;
    private bool _hasFailed;
    private Instant _stepAt = Instant.Never;

    public ControlTrust(IFederationSecrets secrets, X509Certificate2Collection authorities, Action<string> log)
    {
        (_secrets, _authorities, _log) = (secrets, authorities, log);
        Keys = secrets.Keys;
        TakeStored();
    }

    /// <summary>As all members have to have them.</summary>
    public FederationKeys Keys { get; private set; }

    /// <summary>The newest that was heard of; null: whoever has a certificate is a member.</summary>
    public Roster? Roster { get; private set; }

    public Instant Deadline => _stepAt;

    /// <summary>Why a peer may not speak here, for people; null when it may.</summary>
    public string? WhyNot(IControlPeer peer)
    {
        if (Roster is null || Roster.Admits(peer.Name, peer.Fingerprint))
        {
            return null;
        }

        return Roster.WasRemoved(peer.Name)
            ? $"{peer.Name} was removed from the federation: continuum trust add {peer.Name}, and give it the folder that this makes"
            : Roster.Has(peer.Name) ? $"{peer.Name} has another key than the federation knows: give it the folder of its latest continuum trust add"
            : $"{peer.Name} is no member of the federation: continuum trust add {peer.Name}, and give it the folder that this makes";
    }

    /// <summary>A roster as it was found in the trust folder. One that is not signed, or is not newer, changes nothing.</summary>
    public void OnFile(string text)
    {
        if (text == _seen)
        {
            return;
        }

        _seen = text;
        if (!Hosting.Roster.TryRead(text, _authorities, out Roster? roster))
        {
            _log("the file federation-trust is not signed by the federation's authority: it is ignored");
            return;
        }

        if (Roster is { } present && roster.Generation <= present.Generation)
        {
            return;
        }

        Roster = roster;
        Push();
    }

    /// <summary>Looks at what is stored: another ingress may have changed it. Call it after everything that may have.</summary>
    /// <returns>Whether members have to be told of something.</returns>
    public bool Look(Instant now)
    {
        bool isNew = TakeStored();
        if (!ReferenceEquals(Keys, _secrets.Keys))
        {
            Keys = _secrets.Keys;
            isNew = true;
        }

        if (isNew || _stepAt.IsNever)
        {
            _stepAt = Keys.NextStep() is null && !IsUnstored ? Instant.Never : now + Step;
        }

        return isNew;
    }

    public void Tick(Instant now)
    {
        if (now < _stepAt)
        {
            return;
        }

        _stepAt = Instant.Never;
        if (IsUnstored)
        {
            Push();
        }
        else if (_secrets.Keys.NextStep() is { } next)
        {
            Store(next, _secrets.Roster);
        }
    }

    private bool IsUnstored => Roster is { } roster && (_stored is null || roster.Generation > _stored.Generation);

    /// <summary>With the roster go the keys that follow from it. A removal that happened while no ingress ran is found here too: what is stored says for which roster the keys are.</summary>
    private void Push()
    {
        bool isRotating = Roster!.Rotation > (_stored?.Rotation ?? 0);
        Store(isRotating ? _secrets.Keys.BeginRotation(Entropy()) : _secrets.Keys, Roster!.Text);
    }

    private static byte[] Entropy() => RandomNumberGenerator.GetBytes(FederationKeys.EntropyLength);

    private bool TakeStored()
    {
        if (_secrets.Roster is not { } text || text == _stored?.Text || !Hosting.Roster.TryRead(text, _authorities, out Roster? stored))
        {
            return false;
        }

        _stored = stored;
        bool isNewer = Roster is null || stored.Generation > Roster.Generation;
        Roster = isNewer ? stored : Roster;
        // Also when it came from this ingress's own file: now it holds for all.
        return true;
    }

    private void Store(FederationKeys keys, string? roster)
    {
        try
        {
            _secrets.Store(keys, roster);
            _hasFailed = false;
        }
        catch (IOException e) when (!_hasFailed)
        {
            _hasFailed = true;
            _log($"the federation's keys cannot be stored ({e.Message}): they do not rotate; make room, it is tried again");
        }
        catch (IOException)
        {
            // As before.
        }
    }
}
