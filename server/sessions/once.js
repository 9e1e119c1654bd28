// The link's token is in the fragment, which browsers never send: it goes into the form, and out of the address.
const token = location.hash.slice(1);
const form = document.querySelector('form');
if (token !== '' && form !== null) {
  history.replaceState(null, '', location.pathname);
  form.elements.namedItem('token').value = token;
  form.requestSubmit();
}
