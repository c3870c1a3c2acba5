using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>Another life of a node's name that may join beside it: every ingress has to know before it does. On the node's actor only.</summary>
internal sealed class NodeSuccession(Member self, NodeControls controls)
{
    private readonly HashSet<uint> _notedBy = [];
    private ulong _incarnation;
    private TaskCompletionSource<bool>? _noted;
    private TaskCompletionSource? _joined;

    /// <param name="incarnation">Of that life; 0: nobody any more.</param>
    /// <param name="noted">Ends when it may join; with false when a link is lost before.</param>
    /// <param name="joined">Ends when it has.</param>
    public void Offer(ulong incarnation, TaskCompletionSource<bool> noted, TaskCompletionSource joined)
    {
        OnLinkLost();
        _notedBy.Clear();
        (_incarnation, _noted, _joined) = (incarnation, noted, joined);
        if (!controls.IsMember)
        {
            _ = noted.TrySetResult(false);
            return;
        }

        controls.Send(new Link.SuccessorMessage(incarnation));
    }

    public void OnNoted(ILink link, ulong incarnation)
    {
        if (_noted is not null && incarnation == _incarnation && _notedBy.Add(controls.NumberOf(link)) && controls.AreAll(_notedBy))
        {
            _ = _noted.TrySetResult(true);
        }
    }

    /// <summary>The life that was announced last, as far as it is not known to have died; 0: none.</summary>
    public ulong Announced => _incarnation;

    public void OnLinkLost() => _ = _noted?.TrySetResult(false);

    public void OnMember(Member member, bool isAlive)
    {
        if (member.Name != self.Name || member.Incarnation != _incarnation)
        {
            return;
        }

        if (isAlive)
        {
            _ = _joined?.TrySetResult();
        }
        else
        {
            _incarnation = 0;
        }
    }
}
