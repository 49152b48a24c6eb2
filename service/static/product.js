// The product that an item is: which of its metadata are title, brand, price, link and availability. The page imports it,
// and the service puts it into the web component; so it imports nothing, and has no words.

const ID = /^(\d{5,}|[\da-f-]{12,}|\S+\.(jpe?g|png|webp|gif))$/i;
const GONE = /^(outofstock|soldout|unavailable|discontinued|notavailable|ausverkauft|vergriffen|nichtverfügbar|0)$/;

// A field's name as the service gives it for each role.
export const plain = (text) => String(text).toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");

// The first value that fits, of the fields that may have a role, and its field.
function find(metadata, names, fits) {
  for (const name of names) {
    const field = Object.keys(metadata).find((each) => plain(each) === name);
    if (field !== undefined && fits(metadata[field])) return [metadata[field], name];
  }
  return [null, null];
}

const isText = (value) => typeof value === "string" && value.trim() !== "";

// A name, and no id or file's name.
const isTitle = (value, id) => isText(value) && value !== id && !ID.test(value.trim());

function isSoldOut(metadata, names) {
  const [value, name] = find(metadata, names, (each) => each !== null && each !== "");
  if (typeof value === "boolean") return value === (name === "soldout");
  return value !== null && GONE.test(plain(String(value).replace(/^https?:\/\/schema\.org\//i, "")));
}

// Title, brand, price now and before a sale, currency, link and whether it is sold out; null where the metadata have
// none. `fields` are the names for each role, `isLink` tells what can be linked to.
export function productOf({ item_id: id, metadata }, fields, isLink = isText) {
  const first = (role, fits) => find(metadata, fields[role], fits)[0];
  const { category } = metadata;
  const [price, sale] = ["price", "sale_price"].map((role) => first(role, Number.isFinite));
  const reduced = sale !== null && price !== null && sale < price;
  return {
    title: first("title", (value) => isTitle(value, id))
      ?? (isTitle(category, id) ? category.charAt(0).toUpperCase() + category.slice(1) : null),
    brand: first("brand", isText),
    price: reduced ? sale : price ?? sale,
    before: reduced ? price : null,
    currency: first("currency", isText),
    link: first("link", isLink),
    soldOut: isSoldOut(metadata, fields.availability),
  };
}
