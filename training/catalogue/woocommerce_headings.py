"""Headings of WooCommerce's product export, which it writes in the language of whoever exports.

They are those of exports in German, French, Spanish, Italian, Dutch and Portuguese (of Portugal and Brazil),
where several are known the newer first.
"""

import re

from training.catalogue.product_fields import field_name

_TRANSLATED = {
    "type": ("Typ", "Tipo"),
    "sku": ("Artikelnummer", "UGS", "COD", "REF"),
    "gtin_upc_ean_or_isbn": (
        "GTIN, UPC, EAN oder ISBN",
        "GTIN, UPC, EAN ou ISBN",
        "GTIN, UPC, EAN o ISBN",
        "GTIN, UPC, EAN of ISBN",
    ),
    "name": ("Nom", "Nombre", "Nome", "Naam"),
    "published": ("Veröffentlicht", "Publié", "Publicado", "Pubblicato", "Gepubliceerd"),
    "is_featured": (
        *("Ist hervorgehoben?", "Mis en avant ?", "¿Está destacado?", "In primo piano?", "Uitgelicht?"),
        "Em destaque?",
    ),
    "visibility_in_catalog": (
        *("Sichtbarkeit im Katalog", "Visibilité dans le catalogue", "Visibilidad en el catálogo"),
        *("Visibilità nel catalogo", "Zichtbaarheid in catalogus", "Visibilidade no catálogo"),
    ),
    "short_description": (
        *("Kurzbeschreibung", "Description courte", "Descripción corta", "Breve descrizione"),
        *("Korte beschrijving", "Korte omschrijving", "Descrição breve", "Descrição curta"),
    ),
    "description": ("Beschreibung", "Descripción", "Descrizione", "Beschrijving", "Descrição"),
    "date_sale_price_starts": (
        *("Datum, an dem Angebotspreis beginnt", "Date de début de promo"),
        *("Día en que empieza el precio rebajado", "Data di partenza del prezzo in saldo"),
        *("Startdatum actieprijs", "Data de início do preço promocional"),
        "Data de preço promocional começa em",
    ),
    "date_sale_price_ends": (
        *("Datum, an dem Angebotspreis endet", "Date de fin de promo"),
        *("Día en que termina el precio rebajado", "Data in cui termina l'offerta"),
        *("Termine data del prezzo di vendita", "Einddatum actieprijs"),
        *("Data de término do preço promocional", "Data de preço promocional termina em"),
    ),
    "tax_status": (
        *("Steuerstatus", "État de la TVA", "Estado del impuesto", "Stato delle imposte", "Btw status"),
        *("Situação fiscal", "Status do imposto"),
    ),
    "tax_class": (
        *("Steuerklasse", "Classe de TVA", "Classe TVA", "Clase de impuesto", "Aliquota di imposta"),
        *("Belastingklasse", "Classe de imposto"),
    ),
    "in_stock": (
        *("Vorrätig?", "En stock ?", "¿Existencias?", "¿En inventario?", "Op voorraad?", "Em stock?"),
        "Em estoque?",
    ),
    "stock": ("Bestand", "Lager", "Inventario", "Magazzino", "Voorraad", "Estoque"),
    "low_stock_amount": (
        *("Geringe Lagermenge", "Montant de stock faible", "Cantidad de bajo inventario"),
        *("Quantità in magazzino bassa", "Lage voorraad", "Valor de stock baixo"),
        "Quantidade baixa de estoque",
    ),
    "backorders_allowed": (
        *("Lieferrückstande erlaubt?", "Autoriser les commandes de produits en rupture ?"),
        *("¿Permitir reservas de productos agotados?", "Abilita gli ordini arretrati?"),
        *("Nabestellingen toestaan?", "Permitir encomendas pendentes?", "São permitidas encomendas?"),
    ),
    "sold_individually": (
        *("Nur einzeln verkaufen?", "Vendre individuellement ?", "¿Vendido individualmente?"),
        *("Venduto singolarmente?", "Wordt individueel verkocht?", "Vender individualmente?"),
    ),
    "weight": ("Gewicht", "Poids", "Peso"),
    "length": ("Länge", "Longueur", "Longitud", "Lunghezza", "Lengte", "Comprimento"),
    "width": ("Breite", "Largeur", "Anchura", "Larghezza", "Breedte", "Largura"),
    "height": ("Höhe", "Hauteur", "Altura", "Altezza", "Hoogte"),
    "allow_customer_reviews": (
        *("Kundenrezensionen erlauben?", "Autoriser les avis clients ?"),
        *("¿Permitir valoraciones de clientes?", "Permetti le recensioni clienti?"),
        *("Klantbeoordelingen toestaan?", "Permitir avaliações de clientes?"),
    ),
    "purchase_note": (
        *("Hinweis zum Kauf", "Note de commande", "Note de l'achat", "Nota de compra"),
        *("Nota di acquisto", "Aankoopnotitie", "Nota da encomenda", "Observação de compra"),
    ),
    "sale_price": (
        *("Angebotspreis", "Tarif promo", "Precio rebajado", "Prezzo in offerta", "Actieprijs"),
        "Preço promocional",
    ),
    "regular_price": (
        *("Regulärer Preis", "Tarif régulier", "Precio normal", "Prezzo di listino", "Reguliere prijs"),
        *("Preço normal", "Preço"),
    ),
    "categories": ("Kategorien", "Catégories", "Categorías", "Categorie", "Categorieën", "Categorias"),
    "tags": ("Schlagwörter", "Étiquettes", "Etiquetas", "Tag", "Etichette"),
    "shipping_class": (
        *("Versandklasse", "Classe d'expédition", "Classe de livraison", "Clase de envío"),
        *("Classe di spedizione", "Verzendklasse", "Classe de envio", "Classe de entrega"),
    ),
    "images": ("Bilder", "Imágenes", "Immagine", "Afbeeldingen", "Imagens"),
    "download_limit": (
        *("Limite de téléchargement", "Límite de descargas", "Limite di download"),
        *("Limite de descarregamento", "Limite de downloads"),
    ),
    "download_expiry_days": (
        *("Ablauftage des Downloads", "Jours d'expiration du téléchargement"),
        *("Días de caducidad de la descarga", "Scarica i giorni di scadenza", "Dagen vervaltijd download"),
        *("Dias para expirar o descarregamento", "Dias para expirar o download"),
    ),
    "parent": ("Übergeordnetes Produkt", "Superior", "Genitore", "Hoofd", "Pai", "Ascendente"),
    "grouped_products": (
        *("Gruppierte Produkte", "Groupes de produits", "Productos agrupados", "Prodotti raggruppati"),
        *("Gegroepeerde producten", "Produtos agrupados", "Grupo de produtos"),
    ),
    "upsells": (
        *("Zusatzverkäufe", "Produits suggérés", "Montée en gamme", "Ventas dirigidas", "Up-sell"),
        "Aumenta vendas",
    ),
    "cross_sells": (
        *("Cross-Sells (Querverkäufe)", "Ventes croisées", "Ventas cruzadas", "Cross-sell"),
        *("Vendas cruzadas", "Venda cruzada"),
    ),
    "external_url": (
        "Externe URL",
        "URL externe",
        "URL externa",
        "URL esterno",
        "URL esterna",
        "URL externo",
    ),
    "button_text": (
        *("Button-Text", "Libellé du bouton", "Texto del botón", "Testo del pulsante", "Knop tekst"),
        "Texto do botão",
    ),
    "position": ("Posición", "Posizione", "Positie", "Posição"),
    "brands": ("Marken", "Marcas", "Marchi", "Merken"),
    "attribute_1_name": (
        *("Attribut 1 Name", "Nom de l'attribut 1", "Nombre del atributo 1", "Nome dell'attributo 1"),
        *("Attributo 1 nome", "Naam eigenschap 1", "Atributo 1 nome", "Nome do atributo 1"),
    ),
    "attribute_1_value_s": (
        *("Attribut 1 Wert(e)", "Valeur(s) de l'attribut 1", "Valor(es) del atributo 1"),
        *("Valore dell'attributo 1", "Attributo 1 valuta(e)", "Waarde eigenschap 1"),
        *("Atributo 1 valor(es)", "Valores do atributo 1"),
    ),
    "attribute_1_visible": (
        *("Attribut 1 Sichtbar", "Attribut 1 visible", "Atributo visible 1", "Attributo 1 visibile"),
        *("Zichtbare eigenschap 1", "Atributo 1 visível", "Visibilidade do atributo 1"),
    ),
    "attribute_1_global": (
        *("Attribut 1 Global", "Atributo global 1", "Attributo 1 globale", "Globale eigenschap 1"),
        "Atributo 1 global",
    ),
    "attribute_1_default": (
        *("Attribut 1 Standard", "Attribut 1 par défaut", "Attributo 1 predefinito"),
        *("Standaardeigenschap 1", "Atributo padrão 1"),
    ),
}
_ENGLISH = {field_name(heading): name for name, headings in _TRANSLATED.items() for heading in headings}
_UNIT = re.compile(r"_(?:kg|g|lbs|oz|m|cm|mm|in|yd)$")
_NUMBER = re.compile(r"\d+")
_META = re.compile(r"^(?:méta|metadados?)_")


def column_name(heading: str) -> str:
    """Return a heading as the name of the field that it has in English; one that is not known as it is."""
    name = _META.sub("meta_", field_name(heading))
    number, unit = _NUMBER.search(name), _UNIT.search(name)
    english = _ENGLISH.get(_UNIT.sub("", _NUMBER.sub("1", name)))
    if english is None:
        return name
    return (english.replace("1", number[0]) if number else english) + (unit[0] if unit else "")
