using System.Net.NetworkInformation;

namespace Net.Http3.Client.Hosting;

/// <summary>Tells when addresses of this machine come or go, where the system tells.</summary>
internal sealed class NetworkWatch : IDisposable
{
    private readonly Action _onChanged;
    private bool _isSubscribed;

    private NetworkWatch(Action onChanged) => _onChanged = onChanged;

    /// <param name="onChanged">Called on a thread of the system's, until the result is disposed.</param>
    /// <returns>What ends it; on a system that cannot tell, nothing is ever called.</returns>
    public static IDisposable Subscribe(Action onChanged)
    {
        NetworkWatch watch = new(onChanged);
        try
        {
            NetworkChange.NetworkAddressChanged += watch.OnChanged;
            watch._isSubscribed = true;
        }
        catch (Exception error) when (error is PlatformNotSupportedException or NetworkInformationException)
        {
            // Connections still follow as far as the system leads their packets by another address.
        }

        return watch;
    }

    public void Dispose()
    {
        if (_isSubscribed)
        {
            _isSubscribed = false;
            NetworkChange.NetworkAddressChanged -= OnChanged;
        }
    }

    private void OnChanged(object? sender, EventArgs e) => _onChanged();
}
